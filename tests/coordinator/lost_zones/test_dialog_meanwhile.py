"""Tests of what changes while the dialog about a lost domain is open, or before."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.ignored_repairs import async_ignore
from sandbox import Sandbox
from sandbox.state import Zone
from tests.common import EDGE_EVERY, act, issues, settle, wait_for_refresh
from tests.dialogs import Client, begin_repair, confirm_repair, open_repair
from tests.faults import Faults

from .losses import CABIN, lose_and_look_twice, narrow_the_token, replace


class TestDialogMeanwhile:
    """What changes while the dialog of the repair is open, or before."""

    @pytest.mark.parametrize("choice", ["confirm", "forget"])
    async def test_domain_is_there_again(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
        choice: str,
    ) -> None:
        """The dialog ends, before and after its preview, and nothing is forgotten or moved."""
        replace(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        issue_id = issues(hass)["zone_replaced"]
        menu = await begin_repair(client, issue_id)
        preview = await begin_repair(client, issue_id)
        preview = await confirm_repair(client, preview, next_step_id=choice)
        sandbox.state.zones[cabin.id] = cabin
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

        result = await confirm_repair(client, menu, next_step_id=choice)
        assert result["type"] == "create_entry"
        result = await confirm_repair(client, preview)
        assert result["type"] == "create_entry"
        titles = {item.title for item in two_zones.subentries.values()}
        assert CABIN in titles

    async def test_hostname_is_removed_while_it_moves(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Nothing of it stays in the new domain."""
        replace(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        (new,) = (
            item for item in sandbox.state.zones.values() if item.name == cabin.name
        )
        step = await begin_repair(client, issues(hass)["zone_replaced"])
        step = await confirm_repair(client, step, next_step_id="confirm")
        hold = asyncio.Event()
        fault = faults.add("POST", "/dns_records", hold=hold, after_write=True)
        moving = hass.async_create_task(confirm_repair(client, step))
        await fault.until_hit()
        (subentry_id,) = (
            key for key, item in two_zones.subentries.items() if item.title == CABIN
        )
        hass.config_entries.async_remove_subentry(two_zones, subentry_id)
        hold.set()
        result = await moving
        await settle(hass)

        assert result["type"] == "create_entry"
        assert (new.rules, list(new.dns_records), new.associations) == ([], [], [])
        zones = {
            item.title: item.data["zone_id"] for item in two_zones.subentries.values()
        }
        assert zones["Tablet"] == new.id

    @pytest.mark.parametrize("choice", ["confirm", "forget"])
    async def test_account_is_not_connected(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
        choice: str,
    ) -> None:
        """The dialog says so, whenever that happens."""
        replace(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        issue_id = issues(hass)["zone_replaced"]
        menu = await begin_repair(client, issue_id)
        await hass.config_entries.async_unload(two_zones.entry_id)

        result = await confirm_repair(client, menu, next_step_id=choice)
        assert (result["type"], result["reason"]) == ("abort", "entry_not_loaded")
        result = await open_repair(client, issue_id)
        assert (result["type"], result["reason"]) == ("abort", "entry_not_loaded")

    async def test_home_assistant_just_started(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """The repair stays, also if it is ignored; its dialog waits for the second look."""
        narrow_the_token(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        issue_id = issues(hass)["zone_out_of_reach"]
        async_ignore(hass, issue_id)

        assert await hass.config_entries.async_reload(two_zones.entry_id)
        await settle(hass)
        assert issues(hass)["zone_out_of_reach"] == issue_id
        assert (await open_repair(client, issue_id))["type"] == "create_entry"

    async def test_no_other_hostname_is_left(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Then its devices stay where they are."""
        await act(
            hass, two_zones, "sync", hostname="home-mobile.example.com", remove=True
        )
        await settle(hass)
        narrow_the_token(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        step = await begin_repair(client, issues(hass)["zone_out_of_reach"])
        assert (await confirm_repair(client, step))["type"] == "create_entry"
        zones = {
            item.title: item.data["zone_id"] for item in two_zones.subentries.values()
        }
        assert zones == {"Pixel 8": sandbox.zone_id, "Tablet": cabin.id}
