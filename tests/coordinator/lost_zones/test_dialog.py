"""Tests of the dialog about a lost domain: its hostnames move to the one in its place, or are forgotten."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import Zone
from tests.common import (
    EDGE_EVERY,
    issues,
    reported,
    settle,
    state_of,
    wait_for_refresh,
)
from tests.dialogs import Client, begin_repair, confirm_repair
from tests.faults import Faults

from .losses import (
    CABIN,
    CABIN_DRIFT,
    LOSSES,
    Lose,
    each_loss,
    has_our_rules,
    lose_and_look_twice,
    narrow_the_token,
    replace,
)


class TestDialog:
    """The dialog of the repair."""

    @each_loss
    async def test_forget(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
        lose: Lose,
        key: str,
    ) -> None:
        """The hostnames are forgotten, devices stay, and nothing is written at Cloudflare."""
        lose(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        sandbox.journal.clear()

        step = await begin_repair(client, issues(hass)[key])
        if key == "zone_replaced":
            step = await confirm_repair(client, step, next_step_id="forget")
        assert step["step_id"] == "forget"
        assert CABIN in step["description_placeholders"]["hostnames"]
        result = await confirm_repair(client, step)
        await settle(hass)

        assert result["type"] == "create_entry"
        assert sandbox.journal.writes == []
        titles = {item.title: item for item in two_zones.subentries.values()}
        assert titles.keys() == {"home-mobile.example.com", "Pixel 8", "Tablet"}
        assert titles["Tablet"].data["zone_id"] == sandbox.zone_id
        for _ in range(2):
            await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert reported(hass) == set()
        assert sandbox.journal.writes == []

    @pytest.mark.parametrize("lose", LOSSES["zone_replaced"])
    async def test_protect_in_the_new_domain(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
        lose: Lose,
    ) -> None:
        """What is confirmed is what was shown; the hostname is protected as before."""
        lose(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        (new,) = (
            item for item in sandbox.state.zones.values() if item.name == cabin.name
        )

        step = await begin_repair(client, issues(hass)["zone_replaced"])
        step = await confirm_repair(client, step, next_step_id="confirm")
        assert CABIN in step["description_placeholders"]["changes"]
        assert new.rules == []
        result = await confirm_repair(client, step)
        await settle(hass)

        assert result["type"] == "create_entry"
        assert has_our_rules(new)
        assert [item.name for item in new.dns_records.values()] == [CABIN]
        assert new.associations == [CABIN]
        zones = {
            item.title: item.data["zone_id"] for item in two_zones.subentries.values()
        }
        assert zones[CABIN] == zones["Tablet"] == new.id
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert state_of(hass, CABIN_DRIFT) == "off"
        assert "zone_replaced" not in reported(hass)

    async def test_new_domain_changes_while_the_dialog_is_open(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """It is shown again, and nothing was written."""
        replace(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        (new,) = (
            item for item in sandbox.state.zones.values() if item.name == cabin.name
        )
        step = await begin_repair(client, issues(hass)["zone_replaced"])
        step = await confirm_repair(client, step, next_step_id="confirm")
        new.associations = [CABIN]
        sandbox.journal.clear()

        step = await confirm_repair(client, step)

        assert step["errors"] == {"base": "changed_meanwhile"}
        assert sandbox.journal.writes == []
        assert (await confirm_repair(client, step))["type"] == "create_entry"
        assert has_our_rules(new)

    async def test_new_domain_is_not_active(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Its name servers still have to be changed."""
        replace(sandbox, faults, cabin)
        (new,) = (
            item for item in sandbox.state.zones.values() if item.name == cabin.name
        )
        new.status = "pending"
        await lose_and_look_twice(hass, freezer)
        step = await begin_repair(client, issues(hass)["zone_replaced"])

        result = await confirm_repair(client, step, next_step_id="confirm")

        assert (result["type"], result["reason"]) == ("abort", "zone_not_active")

    async def test_domain_can_be_read_again(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        cabin: Zone,
        two_zones: MockConfigEntry,
        client: Client,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """The dialog ends, and nothing is forgotten."""
        narrow_the_token(sandbox, faults, cabin)
        await lose_and_look_twice(hass, freezer)
        issue_id = issues(hass)["zone_out_of_reach"]
        step = await begin_repair(client, issue_id)
        sandbox.state.tokens[sandbox.token].zones = None
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

        result = await confirm_repair(client, step)

        assert result["type"] == "create_entry"
        assert CABIN in {item.title for item in two_zones.subentries.values()}
