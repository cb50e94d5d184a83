"""Tests of a hostname that is known to let strangers in, and then its rules cannot be read."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import Rule
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    SECOND_LOOK,
    act,
    hostname_settings,
    reported,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults
from tests.restarts import restarted, same_account
from tests.unreadable import come_back, go_away

from .test_exposures import ENDS, ENFORCED, put_first

AWAY = ("Cloudflare", "rules", "tunnel", "waf:edit", "dns:edit", "tunnel:edit")
# The account is loaded all the same.
PARTLY = AWAY[1:]


@pytest.fixture
def settings() -> dict[str, Any]:
    """Return the settings of a hostname that is not kept in sync."""
    return {**hostname_settings(), "keep_in_sync": False}


def let_in(sandbox: Sandbox) -> None:
    """Have somebody's rule let visitors of another country in: no visit from here meets that."""
    put_first(sandbox, Rule("skip", 'ip.src.country eq "KP"', action_parameters=ENDS))


@pytest.fixture
async def closed(hass: HomeAssistant, loaded_entry: MockConfigEntry) -> MockConfigEntry:
    """Return an account whose hostname is in sync."""
    await act(hass, loaded_entry, "sync")
    assert reported(hass) == set()
    return loaded_entry


@pytest.fixture
async def exposed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    closed: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> MockConfigEntry:
    """Return an account whose hostname is told to let somebody in."""
    let_in(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"exposed"}
    assert state_of(hass, ENFORCED) == "off"
    return closed


@pytest.mark.parametrize("why", AWAY)
async def test_it_stays_told(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    exposed: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    """Nobody has seen that it was closed, and visits from here are blocked: that says nothing."""
    go_away(sandbox, faults, why)
    for after in (EDGE_EVERY, SECOND_LOOK, *(EDGE_EVERY for _ in range(8))):
        await wait_for_refresh(hass, freezer, after)
        assert "exposed" in reported(hass)
        assert state_of(hass, ENFORCED) == "off"

    zone_of(sandbox).rules.pop(0)
    come_back(sandbox, faults)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()
    assert state_of(hass, ENFORCED) == "on"


async def test_one_refusal(
    hass: HomeAssistant,
    faults: Faults,
    exposed: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    faults.refuse("GET", "/rulesets", 403, 10000, "Authentication error", times=1)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"exposed"}
    assert state_of(hass, ENFORCED) == "off"


@pytest.mark.parametrize("why", PARTLY)
async def test_reload(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    exposed: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    """A token with less is a new one, and a new one reloads the account."""
    go_away(sandbox, faults, why)
    assert await hass.config_entries.async_reload(exposed.entry_id)
    for after in (SECOND_LOOK, EDGE_EVERY):
        await wait_for_refresh(hass, freezer, after)
        assert "exposed" in reported(hass)
        assert state_of(hass, ENFORCED) == "off"


@pytest.mark.parametrize("why", PARTLY)
async def test_verify(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    exposed: MockConfigEntry,
    why: str,
) -> None:
    go_away(sandbox, faults, why)
    verified = await act(hass, exposed, "verify", hostname=HOSTNAME)
    assert (verified["exposed_to"], verified["enforced"]) == (None, False)


@pytest.mark.usefixtures("hass_storage")
@pytest.mark.parametrize("why", ["rules", "waf:edit"])
async def test_restart(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    exposed: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    """What was seen is not stored: nobody knows whether everybody is blocked."""
    go_away(sandbox, faults, why)
    async with restarted(hass) as again:
        entry = same_account(exposed)
        await setup_integration(again, entry)
        await wait_for_refresh(again, freezer, EDGE_EVERY)
        assert state_of(again, ENFORCED) == "unknown"
        verified = await act(again, entry, "verify", hostname=HOSTNAME)
        assert (verified["exposed_to"], verified["enforced"]) == (None, None)


async def test_opened_while_its_tunnel_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    closed: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The rules are seen; a tunnel of which nothing is known counts as one that leads home."""
    go_away(sandbox, faults, "tunnel")
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "on"
    let_in(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "exposed" in reported(hass)
    assert state_of(hass, ENFORCED) == "off"
