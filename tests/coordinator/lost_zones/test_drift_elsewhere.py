"""Drift in one of two domains, where nobody fixes it: the hostname in the other one is not told of."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_component import async_update_entity
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import Zone
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    placeholders,
    reported,
    settle,
    state_of,
    wait_for_refresh,
    zone_of,
)

from .losses import CABIN, CABIN_DRIFT, HOME_DRIFT, remove_our_rules


@pytest.fixture
async def neglected(hass: HomeAssistant, two_zones: MockConfigEntry) -> MockConfigEntry:
    """Return the account, whose hostname in the second domain is not kept in sync."""
    (subentry,) = (
        item for item in two_zones.subentries.values() if item.unique_id == CABIN
    )
    data = {**subentry.data, "keep_in_sync": False}
    hass.config_entries.async_update_subentry(two_zones, subentry, data=data)
    await settle(hass)
    return two_zones


async def test_only_the_hostname_of_the_domain_is_told_of(
    hass: HomeAssistant,
    cabin: Zone,
    neglected: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A rule is shared by the hostnames of its domain, and by no others."""
    remove_our_rules(cabin)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, CABIN_DRIFT) == "on"
    assert state_of(hass, HOME_DRIFT) == "off"
    assert reported(hass) == {"exposed"}
    assert placeholders(hass, "exposed")["hostname"] == CABIN


async def test_nothing_is_tried_again_and_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    cabin: Zone,
    neglected: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What nobody may fix costs no attempt to fix what is right."""
    remove_our_rules(cabin)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    sandbox.journal.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    rules = f"zones/{sandbox.zone_id}/rulesets/phases"
    looks = [item for item in sandbox.journal.requests if rules in item.path]
    assert len(looks) == 1


async def test_removed_hostname_that_is_down(
    hass: HomeAssistant,
    cabin: Zone,
    neglected: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is taken down, whatever is wrong in the other domain."""
    hass.config_entries.async_remove_subentry(neglected, HOSTNAME_ID)
    await settle(hass)
    remove_our_rules(cabin)
    await async_update_entity(hass, CABIN_DRIFT)
    await settle(hass)
    assert reported(hass) == {"exposed"}


async def test_what_is_undone_again_and_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    cabin: Zone,
    neglected: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Somebody is told of it, whatever is wrong in the other domain."""
    remove_our_rules(cabin)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        remove_our_rules(zone_of(sandbox))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"exposed", "opened_again"}
    assert placeholders(hass, "opened_again")["hostname"] == HOSTNAME
