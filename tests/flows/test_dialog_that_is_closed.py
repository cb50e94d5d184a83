"""Tests of a new hostname whose dialog is closed after its changes were begun: it is kept like any other."""

import asyncio
from contextlib import suppress
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.state import DnsRecord, TunnelStatus
from tests.common import (
    EDGE_EVERY,
    HOSTNAME,
    choose,
    records_of,
    reported,
    settle,
    setup_integration,
    state_of,
    submit,
    wait_for_refresh,
    zone_of,
)
from tests.dialogs import (
    add_hostname,
    assert_protected,
    to_hostname,
    to_preview,
    zone_and_tunnel,
)
from tests.faults import Faults
from tests.restarts import same_account, started_again

NEW = "cabin-mobile.example.com"
SWITCH = "switch.cabin_mobile_example_com_published"


async def to_new_preview(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, step: str
) -> Any:
    """Go to the preview of a new hostname, of a tunnel whose dialog ends with that step."""
    chosen = zone_and_tunnel(sandbox)
    if step == "by_hand":
        local = sandbox.state.add_tunnel("garage", config_src="local")
        local.status = TunnelStatus.HEALTHY
        chosen["tunnel_id"] = local.id
    form = await submit(hass, await add_hostname(hass, entry), chosen)
    return await submit(hass, form, {**choose(), "hostname": NEW})


async def to_step(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    step: str,
) -> Any:
    """Have the changes made: lines are shown then, or the answer to the last write gets lost."""
    preview = await to_new_preview(hass, sandbox, entry, step)
    if step == "resume":
        faults.unavailable("POST", "/dns_records", after_write=True, times=1)
    result = await submit(hass, preview)
    assert result["step_id"] == step
    return result


def titles(entry: ConfigEntry) -> set[str]:
    """Return the names of what Home Assistant has in an account."""
    return {item.title for item in entry.subentries.values()}


@pytest.mark.parametrize("step", ["by_hand", "resume"])
async def test_dialog_is_closed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    step: str,
) -> None:
    """It is listed, watched and can be turned off; nothing is left to be told."""
    result = await to_step(hass, sandbox, faults, loaded_entry, step)
    assert titles(loaded_entry) == {HOSTNAME}
    hass.config_entries.subentries.async_abort(result["flow_id"])
    faults.clear()
    await settle(hass)
    assert titles(loaded_entry) == {HOSTNAME, NEW}
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert records_of(sandbox, NEW), "devices reach it"
    assert state_of(hass, SWITCH) == "on"
    assert reported(hass) == set()


async def test_dialog_is_closed_while_the_changes_are_made(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """What is left of the changes is made all the same: a person has confirmed them."""
    preview = await to_new_preview(hass, sandbox, loaded_entry, "")
    hold = asyncio.Event()
    fault = faults.add("PUT", "/hostname_associations", hold=hold)
    manager = hass.config_entries.subentries
    await manager.async_configure(preview["flow_id"], {})
    await fault.until_hit()
    manager.async_abort(preview["flow_id"])
    hold.set()
    faults.clear()
    await settle(hass)
    assert titles(loaded_entry) == {HOSTNAME, NEW}
    assert records_of(sandbox, NEW)


@pytest.mark.parametrize("step", ["preview", "changed"])
async def test_dialog_is_closed_before_a_change(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    step: str,
) -> None:
    """Nothing was begun before the preview was submitted, nor where a changed one is shown again."""
    result = await to_new_preview(hass, sandbox, loaded_entry, "")
    if step == "changed":
        zone_of(sandbox).add_dns_record(
            DnsRecord(
                "CNAME", NEW, f"{sandbox.tunnel_id}.cfargotunnel.com", proxied=True
            )
        )
        result = await submit(hass, result)
        assert result["errors"] == {"base": "changed_meanwhile"}
    assert result["step_id"] == "preview"
    hass.config_entries.subentries.async_abort(result["flow_id"])
    await settle(hass)
    assert titles(loaded_entry) == {HOSTNAME}
    assert not any(NEW in rule.expression for rule in zone_of(sandbox).rules)


@pytest.mark.parametrize("step", ["by_hand", "resume"])
async def test_home_assistant_stops_while_the_dialog_is_open(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    step: str,
) -> None:
    """The hostname was stored before the first change, and is there at the next start."""
    await to_step(hass, sandbox, faults, loaded_entry, step)
    faults.clear()
    account = same_account(loaded_entry)
    async with started_again(hass) as again:
        await setup_integration(again, account)
        assert titles(account) == {HOSTNAME, NEW}
        assert state_of(again, SWITCH) == "on"
        assert reported(again) == set()


async def test_removed_after_the_dialog_has_ended(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """What its dialog remembered does not bring it back."""
    preview = await to_new_preview(hass, sandbox, loaded_entry, "")
    await submit(hass, preview)
    await settle(hass)
    (added,) = (i for i in loaded_entry.subentries.values() if i.title == NEW)
    hass.config_entries.async_remove_subentry(loaded_entry, added.subentry_id)
    await settle(hass)
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert titles(loaded_entry) == {HOSTNAME}
    assert records_of(sandbox, NEW) == []


async def test_account_is_removed_while_the_dialog_is_open(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """There is nothing to keep the hostname in, and nothing of it stays stored."""
    result = await to_step(hass, sandbox, faults, loaded_entry, "by_hand")
    await hass.config_entries.async_remove(loaded_entry.entry_id)
    with suppress(UnknownFlow):
        hass.config_entries.subentries.async_abort(result["flow_id"])
    await settle(hass)
    assert not [key for key in hass_storage if loaded_entry.entry_id in key]


async def test_protected_in_another_dialog_meanwhile(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """It is there once."""
    result = await to_step(hass, sandbox, faults, loaded_entry, "resume")
    faults.clear()
    other = await to_new_preview(hass, sandbox, loaded_entry, "")
    ended = await submit(hass, other)
    assert ended["type"] is FlowResultType.CREATE_ENTRY
    hass.config_entries.subentries.async_abort(result["flow_id"])
    await settle(hass)
    names = [item.title for item in loaded_entry.subentries.values()]
    assert sorted(names) == sorted([HOSTNAME, NEW])


@pytest.mark.parametrize("kept_by", ["dialog", "reload"])
async def test_removed_before_the_first_dialog_is_closed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    kept_by: str,
) -> None:
    """A write failed, so the person did it again, or replaced the token; later they removed the hostname."""
    failed = await to_step(hass, sandbox, faults, loaded_entry, "resume")
    faults.clear()
    if kept_by == "dialog":
        await submit(hass, await to_new_preview(hass, sandbox, loaded_entry, ""))
    else:
        await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert titles(loaded_entry) == {HOSTNAME, NEW}
    (added,) = (i for i in loaded_entry.subentries.values() if i.title == NEW)
    hass.config_entries.async_remove_subentry(loaded_entry, added.subentry_id)
    await settle(hass)
    assert records_of(sandbox, NEW) == []

    hass.config_entries.subentries.async_abort(failed["flow_id"])
    await settle(hass)
    assert records_of(sandbox, NEW) == [], "it is published again"
    assert titles(loaded_entry) == {HOSTNAME}


class TestNewAccount:
    """The first hostname of an account, which Home Assistant does not have before the dialog ends."""

    async def test_dialog_is_closed(
        self, hass: HomeAssistant, sandbox: Sandbox, faults: Faults
    ) -> None:
        """The account is added with its hostname."""
        preview = await to_preview(hass, sandbox)
        faults.unavailable("POST", "/dns_records", after_write=True, times=1)
        result = await submit(hass, preview)
        assert result["step_id"] == "resume"
        faults.clear()
        hass.config_entries.flow.async_abort(result["flow_id"])
        await settle(hass)
        (entry,) = hass.config_entries.async_entries(DOMAIN)
        assert entry.unique_id == sandbox.account_id
        assert entry.state is ConfigEntryState.LOADED
        assert titles(entry) == {HOSTNAME}
        assert hass.config_entries.flow.async_progress() == []
        assert_protected(sandbox)

    async def test_dialog_is_closed_before_a_change(
        self, hass: HomeAssistant, sandbox: Sandbox
    ) -> None:
        """Nothing is added."""
        preview = await to_preview(hass, sandbox)
        hass.config_entries.flow.async_abort(preview["flow_id"])
        await settle(hass)
        assert hass.config_entries.async_entries(DOMAIN) == []

    async def test_account_was_added_meanwhile(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        entry: MockConfigEntry,
    ) -> None:
        """It gets the hostname, and loses none."""
        form = await to_hostname(hass, sandbox)
        preview = await submit(hass, form, {**choose(), "hostname": NEW})
        faults.unavailable("POST", "/dns_records", after_write=True, times=1)
        result = await submit(hass, preview)
        assert result["step_id"] == "resume"
        faults.clear()
        await setup_integration(hass, entry)
        # Home Assistant itself ends a dialog whose account was added.
        with suppress(UnknownFlow):
            hass.config_entries.flow.async_abort(result["flow_id"])
        await settle(hass)
        assert hass.config_entries.async_entries(DOMAIN) == [entry]
        assert titles(entry) == {HOSTNAME, NEW}
