"""Tests of the dialog that changes a login hostname, while somebody changes the same one in another tab."""

import asyncio
import threading
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import act, settle, submit
from tests.engine.access.helpers import HOME, OWNER, settings as chosen, without_pauses
from tests.faults import Faults
from tests.flows.login_dialog import RULES, change, choose_item
from tests.logins import LOGIN_ID, login, only_another_login, writes

WEBHOOKS = "/api/webhook/"


@pytest.fixture(autouse=True)
async def _home(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begin in a home in Germany, whose login hostname is set up when the account is loaded."""
    only_another_login(sandbox)
    await hass.config.async_update(country="DE")
    without_pauses(monkeypatch)


@pytest.fixture
def devices() -> list[Any]:
    """Return a login hostname for one person."""
    return [login(chosen(OWNER, countries=frozenset({"DE"})))]


async def to_preview(hass: HomeAssistant, entry: MockConfigEntry, *paths: str) -> Any:
    """Open the dialog and go to the preview of a change of the open paths."""
    result = await choose_item(hass, await change(hass, entry), "people")
    result = await submit(hass, result, {"emails": [OWNER], "countries": ["de"]})
    result = await submit(hass, result, {**RULES, "open_paths": list(paths)})
    assert result["step_id"] == "preview"
    return result


async def test_path_that_is_closed_in_the_other_tab(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """The tab that was submitted first ends last; it stored its change before, and not again."""
    manager = hass.config_entries.subentries
    first = await to_preview(hass, loaded_entry, WEBHOOKS)
    first = await manager.async_configure(first["flow_id"], {})
    assert first["type"] is FlowResultType.SHOW_PROGRESS
    await settle(hass)
    second = await submit(hass, await to_preview(hass, loaded_entry))
    assert second["reason"] == "login_changed"

    result = await manager.async_configure(first["flow_id"])
    await settle(hass)

    assert result["reason"] == "login_changed"
    assert loaded_entry.runtime_data.access.logins[HOME].open_paths == frozenset()


async def test_login_hostname_is_removed_in_the_other_tab(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nothing is written for it."""
    preview = await to_preview(hass, loaded_entry, WEBHOOKS)
    hass.config_entries.async_remove_subentry(loaded_entry, LOGIN_ID)
    await settle(hass)
    sandbox.journal.clear()
    result = await submit(hass, preview)
    assert result["reason"] == "settings_changed"
    assert not writes(sandbox)


async def test_login_hostname_is_removed_before_somebody_stops_asking(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """What is left at Cloudflare has a repair of its own."""
    form = await choose_item(hass, await change(hass, loaded_entry), "stop")
    hass.config_entries.async_remove_subentry(loaded_entry, LOGIN_ID)
    await settle(hass)
    sandbox.journal.clear()
    result = await submit(hass, form)
    assert result["reason"] == "settings_changed"
    assert not writes(sandbox)


async def test_login_hostname_is_removed_as_the_dialog_opens(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """The list of login hostnames in a tab may be an old one."""
    hass.config_entries.async_remove_subentry(loaded_entry, LOGIN_ID)
    result = await change(hass, loaded_entry)
    assert result["reason"] == "settings_changed"


async def test_settings_change_while_the_dialog_waits_for_another_writer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The first change needs no write, so that Cloudflare has nothing new to tell the second."""
    manager = hass.config_entries.subentries
    preview = await to_preview(hass, loaded_entry, WEBHOOKS)
    hold = asyncio.Event()
    fault = faults.add("GET", "/rulesets", hold=hold, times=1)
    writing = hass.async_create_task(act(hass, loaded_entry, "sync"))
    await fault.until_hit()
    first = hass.async_create_task(
        act(
            hass,
            loaded_entry,
            "protect_with_access",
            hostname=HOME,
            keep_in_sync=False,
        )
    )
    await hass.async_add_executor_job(threading.Event().wait, 0.3)
    progress = await manager.async_configure(preview["flow_id"], {})
    assert progress["type"] is FlowResultType.SHOW_PROGRESS
    hold.set()
    await writing
    await first
    await settle(hass)

    result = await manager.async_configure(progress["flow_id"])

    assert result["reason"] == "settings_changed"
    after = loaded_entry.runtime_data.access.logins[HOME]
    assert (after.keep_in_sync, after.open_paths) == (False, frozenset())
