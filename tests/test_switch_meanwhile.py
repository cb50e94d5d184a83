"""Tests of the switch of a hostname, while somebody changes the same hostname in another place."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox

from .common import BLOCK_REF, SKIP_REF, settle, turn, zone_of
from .dialogs import CHOSEN, add, handovers_of
from .faults import Faults
from .limited import LIMITED, LIMITED_ID, TABLET, devices_of, listed, set_up_home
from .test_switch import leads_here

SWITCH = "switch.nas_example_com_published"


def published(entry: MockConfigEntry) -> bool:
    """Return whether the limited hostname is stored as published."""
    return bool(entry.subentries[LIMITED_ID].data["published"])


def begin_to_turn(hass: HomeAssistant, state: str) -> asyncio.Task[Any]:
    """Turn the switch, and do not wait for what follows."""
    return hass.async_create_task(
        hass.services.async_call(
            "switch", f"turn_{state}", {"entity_id": SWITCH}, blocking=True
        )
    )


async def add_laptop(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Add a device that may use the limited hostname, and wait until it is stored."""
    form = await add(hass, entry)
    chosen = {**CHOSEN, "name": "Laptop", "hostnames": [LIMITED]}
    hass.async_create_task(
        hass.config_entries.subentries.async_configure(
            form["flow_id"], {**chosen, "hostname": "home-mobile.example.com"}
        )
    )
    while len(devices_of(entry)) < 2:
        await asyncio.sleep(0)


@pytest.mark.parametrize("state", ["off", "on"])
async def test_device_is_added_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, state: str
) -> None:
    """It may use the hostname as its person chose, and the rules say so."""
    entry, _, tablet = await set_up_home(hass, sandbox, TABLET)
    if state == "on":
        await turn(hass, SWITCH, "off")
    hold = asyncio.Event()
    fault = faults.add("PATCH", "/rulesets/", hold=hold, times=1)
    turning = begin_to_turn(hass, state)
    await fault.until_hit()
    await add_laptop(hass, entry)

    hold.set()
    await turning
    await settle(hass)

    assert published(entry) is (state == "on")
    assert TABLET in devices_of(entry)
    assert len(devices_of(entry)) == 2
    assert handovers_of(hass)
    if state == "off":
        await turn(hass, SWITCH, "on")
    pinned = listed(sandbox, BLOCK_REF)
    assert pinned
    assert tablet in pinned
    assert len(pinned) == 2


@pytest.mark.parametrize("state", ["off", "on"])
async def test_hostname_is_removed_meanwhile(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, state: str
) -> None:
    """It is gone afterwards, whatever the switch had begun."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    if state == "on":
        await turn(hass, SWITCH, "off")
    hold = asyncio.Event()
    fault = faults.add("PATCH", "/rulesets/", hold=hold, times=1)
    turning = begin_to_turn(hass, state)
    await fault.until_hit()
    hass.config_entries.async_remove_subentry(entry, LIMITED_ID)

    hold.set()
    await turning
    await settle(hass)

    assert LIMITED_ID not in entry.subentries
    assert leads_here(sandbox) == (True, True)
    rules = zone_of(sandbox).rules
    assert not any(
        rule.ref == SKIP_REF and LIMITED in rule.expression for rule in rules
    )
