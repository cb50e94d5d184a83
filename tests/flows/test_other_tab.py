"""Tests of a dialog that changes a hostname, while somebody changes the same hostname in another tab."""

from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.account import async_get_account_state
from custom_components.cloudflare_mtls.engine.sync.settings import HostnameSettings
from custom_components.cloudflare_mtls.subentries import hostname_of
from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import Tunnel
from tests.common import (
    HOSTNAME_ID,
    choose,
    hostname_settings,
    settle,
    state_of,
    submit,
    turn,
)
from tests.dialogs import add_hostname, zone_and_tunnel
from tests.test_switch import SWITCH, leads_here

WEBHOOKS = "/api/webhook/"
CAMERA = "cam.example.com"


@pytest.fixture
def cellar(sandbox: Sandbox) -> Tunnel:
    """Return a tunnel with a config file: its dialog waits until a person has edited that."""
    tunnel = sandbox.state.add_tunnel("cellar", "local")
    tunnel.connect()
    return tunnel


async def to_preview(
    hass: HomeAssistant, entry: MockConfigEntry, tunnel_id: str, **advanced: Any
) -> Any:
    """Open the dialog and go to its preview."""
    result = await entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    typed = {**choose(**advanced), "tunnel_id": tunnel_id, "service": SERVICE}
    result = await submit(hass, result, typed)
    assert result["step_id"] == "preview"
    return result


async def to_lines(
    hass: HomeAssistant, entry: MockConfigEntry, tunnel: Tunnel, **advanced: Any
) -> Any:
    """Go to the lines for the config file."""
    result = await to_preview(hass, entry, tunnel.id, **advanced)
    result = await submit(hass, result)
    assert result["step_id"] == "by_hand"
    return result


def settings_of(entry: MockConfigEntry) -> HostnameSettings:
    """Return the stored settings of the hostname."""
    return hostname_of(entry.subentries[HOSTNAME_ID])


def assert_off(hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry) -> None:
    """Assert that the hostname stays off the internet."""
    assert entry.subentries[HOSTNAME_ID].data["published"] is False
    assert state_of(hass, SWITCH) == "off"
    assert leads_here(sandbox) == (False, False)


async def test_off_while_the_form_is_open(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """What the form does not ask for is not what it was when the form was opened."""
    form = await loaded_entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    await turn(hass, SWITCH, "off")
    typed = {**choose(), "tunnel_id": sandbox.tunnel_id, "service": SERVICE}
    result = await submit(hass, form, typed)
    assert result["reason"] == "settings_changed"
    assert_off(hass, sandbox, loaded_entry)


async def test_off_while_the_preview_is_open(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nothing is written at Cloudflare, not even for a moment."""
    preview = await to_preview(
        hass, loaded_entry, sandbox.tunnel_id, exempt_paths=[WEBHOOKS]
    )
    await turn(hass, SWITCH, "off")
    sandbox.journal.clear()
    result = await submit(hass, preview)
    assert result["reason"] == "settings_changed"
    assert sandbox.journal.writes == []
    assert_off(hass, sandbox, loaded_entry)


async def test_off_after_the_changes_were_made(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The tab of the dialog slept meanwhile, and ends the dialog only later."""
    manager = hass.config_entries.subentries
    preview = await to_preview(
        hass, loaded_entry, sandbox.tunnel_id, exempt_paths=[WEBHOOKS]
    )
    progress = await manager.async_configure(preview["flow_id"], {})
    assert progress["type"] is FlowResultType.SHOW_PROGRESS
    await settle(hass)
    await turn(hass, SWITCH, "off")
    result = await manager.async_configure(progress["flow_id"])
    await settle(hass)
    assert result["reason"] == "settings_changed"
    assert_off(hass, sandbox, loaded_entry)


async def test_off_while_a_person_edits_the_file(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, cellar: Tunnel
) -> None:
    lines = await to_lines(hass, loaded_entry, cellar)
    await turn(hass, SWITCH, "off")
    result = await submit(hass, lines, {"afterwards": "finish"})
    await settle(hass)
    assert result["reason"] == "settings_changed"
    assert state_of(hass, SWITCH) == "off"


async def test_exempt_path_that_is_closed_in_the_other_tab(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, cellar: Tunnel
) -> None:
    """The dialog that was opened first ends last, and does not open the path again."""
    first = await to_lines(hass, loaded_entry, cellar, exempt_paths=[WEBHOOKS])
    second = await to_lines(hass, loaded_entry, cellar)
    second = await submit(hass, second, {"afterwards": "finish"})
    assert second["reason"] == "reconfigure_successful"
    await settle(hass)

    result = await submit(hass, first, {"afterwards": "finish"})
    await settle(hass)

    assert result["reason"] == "settings_changed"
    assert loaded_entry.subentries[HOSTNAME_ID].data["exempt_paths"] == []


async def test_settings_are_set_to_what_they_were_in_the_other_tab(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    cellar: Tunnel,
) -> None:
    """Stored settings alone do not show that a change was made and undone: the change is stored as it is made."""
    before = settings_of(loaded_entry)
    first = await to_lines(hass, loaded_entry, cellar, exempt_paths=[WEBHOOKS])
    assert loaded_entry.subentries[HOSTNAME_ID].data["exempt_paths"] == [WEBHOOKS]
    second = await to_preview(hass, loaded_entry, sandbox.tunnel_id)
    second = await submit(hass, second)
    assert second["reason"] == "reconfigure_successful"
    assert settings_of(loaded_entry) == before

    result = await submit(hass, first, {"afterwards": "finish"})
    await settle(hass)

    assert result["reason"] == "settings_changed"
    assert settings_of(loaded_entry) == before


async def test_settings_change_while_the_dialog_waits_for_another_writer(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The first change needs no write, so that Cloudflare has nothing new to tell the second."""
    manager = hass.config_entries.subentries
    first = await to_preview(hass, loaded_entry, sandbox.tunnel_id, keep_in_sync=False)
    second = await to_preview(
        hass, loaded_entry, sandbox.tunnel_id, exempt_paths=[WEBHOOKS]
    )
    sandbox.journal.clear()
    # Both begin before either is done.
    first = await manager.async_configure(first["flow_id"], {})
    second = await manager.async_configure(second["flow_id"], {})
    assert second["type"] is FlowResultType.SHOW_PROGRESS
    await settle(hass)

    first = await manager.async_configure(first["flow_id"])
    second = await manager.async_configure(second["flow_id"])
    await settle(hass)

    assert first["reason"] == "reconfigure_successful"
    assert second["reason"] == "settings_changed"
    assert settings_of(loaded_entry).keep_in_sync is False
    assert sandbox.journal.writes == []


async def test_hostname_is_removed_in_the_other_tab(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It is not brought back."""
    preview = await to_preview(hass, loaded_entry, sandbox.tunnel_id)
    hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    await settle(hass)
    sandbox.journal.clear()
    result = await submit(hass, preview)
    assert result["reason"] == "settings_changed"
    assert sandbox.journal.writes == []
    assert leads_here(sandbox) == (False, False)


async def test_hostname_is_removed_while_the_changes_are_made(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    manager = hass.config_entries.subentries
    preview = await to_preview(
        hass, loaded_entry, sandbox.tunnel_id, exempt_paths=[WEBHOOKS]
    )
    progress = await manager.async_configure(preview["flow_id"], {})
    assert progress["type"] is FlowResultType.SHOW_PROGRESS
    hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    await settle(hass)
    result = await manager.async_configure(progress["flow_id"])
    assert result["reason"] == "settings_changed"
    assert leads_here(sandbox) == (False, False)


async def test_hostname_is_removed_while_the_form_is_open(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The dialog says so, instead of failing."""
    form = await loaded_entry.start_subentry_reconfigure_flow(hass, HOSTNAME_ID)
    hass.config_entries.async_remove_subentry(loaded_entry, HOSTNAME_ID)
    await settle(hass)
    typed = {**choose(), "tunnel_id": sandbox.tunnel_id, "service": SERVICE}
    result = await submit(hass, form, typed)
    assert result["reason"] == "settings_changed"
    assert leads_here(sandbox) == (False, False)


async def to_new_preview(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, **advanced: Any
) -> Any:
    """Open the dialog for a new hostname and go to its preview."""
    result = await submit(
        hass, await add_hostname(hass, entry), zone_and_tunnel(sandbox)
    )
    typed = {**choose(**advanced), "hostname": CAMERA}
    result = await submit(hass, result, typed)
    assert result["step_id"] == "preview"
    return result


async def test_new_hostname_is_protected_and_off_in_the_other_tab(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The tab that comes later neither publishes it nor opens a path, not even for a moment."""
    stale = await to_new_preview(hass, sandbox, loaded_entry, exempt_paths=[WEBHOOKS])
    other = await submit(hass, await to_new_preview(hass, sandbox, loaded_entry))
    assert other["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)
    await turn(hass, "switch.cam_example_com_published", "off")
    sandbox.journal.clear()

    result = await submit(hass, stale)
    assert result["reason"] == "protected_meanwhile"
    assert sandbox.journal.writes == []


async def test_new_hostname_is_protected_while_the_dialog_waits_for_another_writer(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """It is looked at once more when the turn of this dialog comes."""
    manager = hass.config_entries.subentries
    stale = await to_new_preview(hass, sandbox, loaded_entry)
    shared = async_get_account_state(hass, sandbox.account_id)
    sandbox.journal.clear()
    async with shared.writing:
        stale = await manager.async_configure(stale["flow_id"], {})
        assert stale["type"] is FlowResultType.SHOW_PROGRESS
        hass.config_entries.async_add_subentry(
            loaded_entry,
            ConfigSubentry(
                data=MappingProxyType({**hostname_settings(), "hostname": CAMERA}),
                subentry_type="protected_hostname",
                title=CAMERA,
                unique_id=CAMERA,
            ),
        )
    await settle(hass)
    result = await manager.async_configure(stale["flow_id"])
    assert result["reason"] == "protected_meanwhile"
