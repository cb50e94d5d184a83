"""Tests of a hostname that is removed while its DNS record is being written: its removal is not forgotten."""

import asyncio
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.seed import TUNNEL_ID
from tests.common import (
    EDGE_EVERY,
    act,
    records_of,
    settle,
    submit,
    turn,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults
from tests.flows.test_other_tab import to_preview

from .test_removals import SUBENTRY_ID, traces

SWITCH = "switch.home_mobile_example_com_published"


async def write(
    hass: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory, by: str
) -> None:
    """Have the record written, in one of the ways to do that."""
    match by:
        case "action":
            await act(hass, entry, "sync")
        case "refresh":
            await wait_for_refresh(hass, freezer, EDGE_EVERY)
        case "switch":
            await turn(hass, SWITCH, "on")
        case "dialog":
            await submit(hass, await to_preview(hass, entry, TUNNEL_ID))


@pytest.mark.parametrize("by", ["action", "refresh", "switch", "dialog"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/hostname_associations"), ("DELETE", "/dns_records")]
)
async def test_taking_it_down_fails_once(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    by: str,
    method: str,
    path: str,
) -> None:
    """The record is younger than the removal, and yet nobody has set the hostname up again."""
    if by == "switch":
        await turn(hass, SWITCH, "off")
        await settle(hass)
    else:
        zone_of(sandbox).dns_records.pop(records_of(sandbox)[0].id)
    hold = asyncio.Event()
    creation = faults.add("POST", "/dns_records", hold=hold, times=1)
    writing = hass.async_create_task(write(hass, loaded_entry, freezer, by))
    await creation.until_hit()
    hass.config_entries.async_remove_subentry(loaded_entry, SUBENTRY_ID)
    for _ in range(500):
        await asyncio.sleep(0)
    freezer.tick(timedelta(seconds=1))
    faults.unavailable(method, path)
    hold.set()
    await asyncio.gather(writing, return_exceptions=True)
    await settle(hass)
    faults.clear()
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert traces(sandbox) == []
