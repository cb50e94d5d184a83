"""Tests of dialogs whose account or tunnel is out of reach at just that moment."""

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import sentences, submit
from tests.dialogs import add_hostname, open_options, zone_and_tunnel
from tests.faults import Faults


@pytest.mark.parametrize("when", ["before", "after the menu"])
async def test_options_of_an_account_that_is_not_connected(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, when: str
) -> None:
    """The dialog ends and says so, and the options stay."""
    options = hass.config_entries.options
    if when == "before":
        await hass.config_entries.async_unload(loaded_entry.entry_id)
        result = await options.async_init(loaded_entry.entry_id)
    else:
        menu = await options.async_init(loaded_entry.entry_id)
        await hass.config_entries.async_unload(loaded_entry.entry_id)
        result = await options.async_configure(
            menu["flow_id"], {"next_step_id": "access"}
        )
    assert result["type"] == "abort"
    assert result["reason"] == "entry_not_loaded"
    assert loaded_entry.options == {}


async def test_tunnel_that_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """It is not taken for one that is managed elsewhere; the dialog can be tried again."""
    result = await add_hostname(hass, loaded_entry)
    faults.unavailable("GET", "/configurations$")
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["step_id"] == "zone"
    assert "usable answer" in sentences(result, "config")["base"]
    faults.clear()
    result = await submit(hass, result, zone_and_tunnel(sandbox))
    assert result["step_id"] == "hostname"


async def test_pause_while_everything_is_removed(
    hass: HomeAssistant, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """The dialog names the pause, and nothing is forgotten."""
    form = await open_options(hass, loaded_entry, "remove")
    faults.limit(60, "GET", "/dns_records", times=1)
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], {"revoke_certificates": False}
    )
    assert result["errors"] == {"base": "rate_limited"}
    assert len(loaded_entry.get_subentries_of_type("protected_hostname")) == 1
