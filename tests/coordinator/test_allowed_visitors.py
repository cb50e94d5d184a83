"""Tests of IP Access rules that let visitors past ours: they are read as often as the rules."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS
from tests.common import (
    CHECKS_EVERY,
    EDGE_EVERY,
    SECOND_LOOK,
    reported,
    state_of,
    wait_for_refresh,
    zone_of,
)

from .test_checks import ENFORCED, allow


async def test_allowed_since_the_last_refresh(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What lets visitors past the rules is told as soon as a change of the rules is."""
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    allow(("country", "AT"))(sandbox)
    sandbox.journal.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"check_ip_access_allow"}
    assert state_of(hass, ENFORCED) == "off"
    assert not any("/settings/" in item.path for item in sandbox.journal.requests)

    zone_of(sandbox).ip_access_rules.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()
    assert state_of(hass, ENFORCED) == "on"


async def test_permission_that_is_missing_is_not_asked_for_every_time(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Without the permission, the rules that let visitors past are asked for with all the rest."""
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"firewall:edit"}
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    sandbox.journal.clear()
    for _ in range(4):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    asked = [item.path for item in sandbox.journal.requests]
    assert not any("access_rules" in path for path in asked)

    token.permissions = ALL_PERMISSIONS
    allow(("country", "AT"))(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == {"check_ip_access_allow"}
