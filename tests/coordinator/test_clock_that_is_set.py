"""Tests of a clock that is set while Home Assistant runs: whatever is due is due as before."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.clocks import HomeClock
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    TUNNELS_EVERY,
    add_certificate,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    zone_of,
)

HOUR = timedelta(hours=1)
STRANGERS = "0bad0bad-7600-42e1-81c4-000000000001"

either_way = pytest.mark.parametrize(
    "by", [2 * HOUR, -2 * HOUR], ids=["set back", "set forward"]
)


@either_way
async def test_look_for_new_domains(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    by: timedelta,
) -> None:
    """A stranger's certificate in a domain that was just added is found six hours after the last look."""
    days = 24 * by
    if by < timedelta():
        freezer.tick(-days)
    home_clock.set(days)
    await setup_integration(hass, entry)
    home_clock.set(-days)
    zone = sandbox.state.add_zone("third.example")
    await add_certificate(sandbox, certificate_id=STRANGERS, organization="Somebody")
    zone.certificates[STRANGERS] = zone_of(sandbox).certificates.pop(STRANGERS)
    for _ in range(20):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()

    for _ in range(6):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert reported(hass) == {"unknown_certificates"}


@either_way
async def test_tunnel_that_is_down(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    by: timedelta,
) -> None:
    """It is told after five minutes, no matter what the clock says by then."""
    freezer.tick(2 * HOUR)
    home_clock.set(by)
    sandbox.state.tunnels[sandbox.tunnel_id].disconnect()
    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    home_clock.set(-by)
    for _ in range(4):
        await wait_for_refresh(hass, freezer, TUNNELS_EVERY)
    assert reported(hass) == set()

    await wait_for_refresh(hass, freezer, TUNNELS_EVERY)

    assert reported(hass) == {"tunnel_down"}


async def test_hostname_that_was_just_taken_down(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
) -> None:
    """For five minutes, what another Home Assistant writes back is removed again."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    before = [dict(rule) for rule in tunnel.ingress]
    hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    await settle(hass)
    home_clock.set(HOUR)
    await loaded_entry.runtime_data.protection.async_refresh()

    assert tunnel.config is not None
    tunnel.config["ingress"] = before
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert HOSTNAME not in [rule.get("hostname") for rule in tunnel.ingress]
