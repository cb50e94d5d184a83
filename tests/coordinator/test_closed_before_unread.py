"""Tests of a hostname that is known to be closed, and then nobody can see any more whether it still is."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant, ServiceCall
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    SECOND_LOOK,
    act,
    device_id_of,
    reported,
    state_of,
    wait_for_refresh,
)
from tests.faults import Faults
from tests.test_conditions import automate, passes
from tests.unreadable import come_back, go_away

from .test_checks import allow
from .test_exposures import ENFORCED
from .test_known_exposures import closed, let_in, settings  # noqa: F401

pytestmark = pytest.mark.usefixtures("closed")
ALLOWING = "/firewall/access_rules/rules"


async def wait_for_more_than_an_hour(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    for _ in range(5):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)


async def verify(hass: HomeAssistant, entry: MockConfigEntry) -> tuple[object, object]:
    """Return what *Verify* answers of who gets in."""
    verified = await act(hass, entry, "verify", hostname=HOSTNAME)
    return verified["exposed_to"], verified["enforced"]


@pytest.mark.parametrize("why", ["rules", "waf:edit", "Cloudflare", "token"])
async def test_opened_while_its_rules_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    """Visits from here are blocked as before, and nobody knows who else is let in."""
    runs: list[ServiceCall] = async_mock_service(hass, "test", "ran")
    device_id = device_id_of(hass, loaded_entry, HOSTNAME_ID)
    await automate(hass, "hostname_is_protected", target={"device_id": device_id})
    assert await passes(hass, runs)

    go_away(sandbox, faults, why)
    let_in(sandbox)
    await wait_for_more_than_an_hour(hass, freezer)
    assert state_of(hass, ENFORCED) == "unknown"
    assert await verify(hass, loaded_entry) == (None, None)
    assert not await passes(hass, runs)

    if why != "token":
        come_back(sandbox, faults)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert "exposed" in reported(hass)
        assert state_of(hass, ENFORCED) == "off"


@pytest.mark.parametrize("why", ["rules", "Cloudflare"])
async def test_two_looks_that_fail(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    """They say nothing new."""
    go_away(sandbox, faults, why)
    for after in (EDGE_EVERY, SECOND_LOOK, EDGE_EVERY):
        await wait_for_refresh(hass, freezer, after)
        assert state_of(hass, ENFORCED) == "on"


@pytest.mark.parametrize("why", ["rules", "Cloudflare"])
async def test_known_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    why: str,
) -> None:
    go_away(sandbox, faults, why)
    await wait_for_more_than_an_hour(hass, freezer)
    assert state_of(hass, ENFORCED) == "unknown"
    come_back(sandbox, faults)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "on"


async def test_reload_makes_nothing_newer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    go_away(sandbox, faults, "rules")
    await wait_for_more_than_an_hour(hass, freezer)
    assert await hass.config_entries.async_reload(loaded_entry.entry_id)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "unknown"


async def test_visitors_are_allowed_while_nobody_can_see_that(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The rules are read, but not who is let past them."""
    faults.unavailable("GET", ALLOWING)
    allow(("country", "KP"))(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "on"
    await wait_for_more_than_an_hour(hass, freezer)
    assert state_of(hass, ENFORCED) == "unknown"
    assert await verify(hass, loaded_entry) == (None, None)

    faults.clear()
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, ENFORCED) == "off"


async def test_permission_to_see_who_is_allowed_is_taken(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is optional, and without it the sensor is about the rules."""
    sandbox.state.tokens[sandbox.token].permissions = ALL_PERMISSIONS - {
        "firewall:edit",
        "account_firewall:edit",
    }
    await wait_for_more_than_an_hour(hass, freezer)
    assert state_of(hass, ENFORCED) == "on"
    assert await verify(hass, loaded_entry) == ([], True)
