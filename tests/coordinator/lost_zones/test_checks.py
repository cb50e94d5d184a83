"""Tests of the checks of a domain that cannot be looked around: what was told of it stays told."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import IpAccessRule, Zone
from tests.common import (
    CHECKS_EVERY,
    EDGE_EVERY,
    issues,
    placeholders,
    reported,
    settle,
    state_of,
    wait_for_refresh,
)
from tests.coordinator.causes import bot_fight_mode
from tests.faults import Faults

from .losses import (
    CABIN_ENFORCED,
    Lose,
    move_within_reach,
    narrow_the_token,
    refuse_to_answer,
)

KEY = "check_ip_access_allow"


@pytest.fixture
async def allowing(
    hass: HomeAssistant,
    two_zones: MockConfigEntry,
    cabin: Zone,
    freezer: FrozenDateTimeFactory,
) -> Zone:
    """Return the second zone, in which a whole country is let past the rules, as a repair tells."""
    cabin.ip_access_rules.append(IpAccessRule("whitelist", "country", "AT"))
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == {KEY}
    assert state_of(hass, CABIN_ENFORCED) == "off"
    return cabin


@pytest.mark.parametrize(
    "paths",
    [
        ["{zone}/firewall/access_rules/rules"],
        ["{zone}/rulesets"],
        ["{zone}/", "{other}/firewall/access_rules/rules"],
    ],
    ids=["surroundings", "zone", "zone, and the surroundings of the other"],
)
async def test_zone_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    allowing: Zone,
    freezer: FrozenDateTimeFactory,
    paths: list[str],
) -> None:
    """Its repair stays until somebody sees that nobody is let past the rules any more."""
    for path in paths:
        faults.unavailable("GET", path.format(zone=allowing.id, other=sandbox.zone_id))
    bot_fight_mode(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert KEY in reported(hass)
    assert placeholders(hass, KEY)["target"] == "example.org"

    faults.clear()
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert reported(hass) == {KEY, "check_bot_fight_mode"}
    assert state_of(hass, CABIN_ENFORCED) == "off"

    allowing.ip_access_rules.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"check_bot_fight_mode"}
    assert state_of(hass, CABIN_ENFORCED) == "on"


async def test_ignored_repair(
    hass: HomeAssistant,
    two_zones: MockConfigEntry,
    faults: Faults,
    allowing: Zone,
) -> None:
    """A person who ignored it is not told again after a restart during which nobody could look."""
    ir.async_ignore_issue(hass, DOMAIN, issues(hass)[KEY], True)
    faults.unavailable("GET", f"{allowing.id}/firewall/access_rules/rules")
    await hass.config_entries.async_reload(two_zones.entry_id)
    await settle(hass)
    faults.clear()
    await hass.config_entries.async_reload(two_zones.entry_id)
    await settle(hass)

    issue = ir.async_get(hass).async_get_issue(DOMAIN, issues(hass)[KEY])
    assert issue
    assert issue.dismissed_version


@pytest.mark.parametrize("is_reloaded", [False, True], ids=["loaded", "reloaded"])
@pytest.mark.parametrize(
    "lose", [narrow_the_token, move_within_reach, refuse_to_answer]
)
async def test_zone_that_is_lost(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    two_zones: MockConfigEntry,
    allowing: Zone,
    freezer: FrozenDateTimeFactory,
    lose: Lose,
    is_reloaded: bool,
) -> None:
    """The rules are still there, although nobody can look: they stay told."""
    lose(sandbox, faults, allowing)
    if is_reloaded:
        assert await hass.config_entries.async_reload(two_zones.entry_id)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert KEY in reported(hass)
    assert state_of(hass, CABIN_ENFORCED) == "off"


async def test_zone_that_cannot_be_looked_around_after_a_reload(
    hass: HomeAssistant,
    two_zones: MockConfigEntry,
    faults: Faults,
    allowing: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The other zone can: that does not show that nobody is let past the rules here."""
    faults.unavailable("GET", f"{allowing.id}/firewall/access_rules/rules")
    assert await hass.config_entries.async_reload(two_zones.entry_id)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert KEY in reported(hass)
    assert state_of(hass, CABIN_ENFORCED) == "off"
