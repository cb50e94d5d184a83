"""Cloudflare says for some minutes that a domain is gone, while a hostname of it still has to be taken down."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import EDGE_EVERY, SECOND_LOOK, records_of, reported, wait_for_refresh
from tests.coordinator.test_removals import remove
from tests.faults import Faults


async def test_hostname_that_was_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Once the domain is there again, the hostname is taken down."""
    faults.unavailable("DELETE", "/dns_records")
    faults.unavailable("PUT", "/configurations")
    await remove(hass, loaded_entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"removal_pending"}
    zone = sandbox.state.zones.pop(sandbox.zone_id)
    for after in (EDGE_EVERY, SECOND_LOOK, SECOND_LOOK, EDGE_EVERY):
        await wait_for_refresh(hass, freezer, after)
    sandbox.state.zones[sandbox.zone_id] = zone
    faults.clear()
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert records_of(sandbox) == []
    assert reported(hass) == set()


async def test_domain_that_stays_away(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """After a week it is not asked for any more."""
    faults.unavailable("DELETE", "/dns_records")
    await remove(hass, loaded_entry)
    sandbox.state.zones.pop(sandbox.zone_id)
    for after in (EDGE_EVERY, SECOND_LOOK, timedelta(days=7), EDGE_EVERY):
        await wait_for_refresh(hass, freezer, after)
    sandbox.journal.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert not [
        each for each in sandbox.journal.requests if sandbox.zone_id in each.path
    ]
