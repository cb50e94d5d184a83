"""Tests of the option that names metrics servers: kept only if a connector of the account answers there."""

from collections.abc import AsyncIterator
import socket
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.diagnostics import (
    async_get_config_entry_diagnostics,
)
from sandbox import Sandbox
from tests.common import settle
from tests.dialogs import open_options
from tests.metrics_servers import RunningConnector, running_connector

OPTIONS = {"pin_certificates": False, "remote_handover": True}


@pytest.fixture
async def connector(sandbox: Sandbox) -> AsyncIterator[RunningConnector]:
    """Run a connector of the account's tunnel."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    async with running_connector(tunnel) as running:
        yield running


@pytest.fixture
async def form(
    hass: HomeAssistant, connector: RunningConnector, loaded_entry: MockConfigEntry
) -> Any:
    """Open the form, of an account that has other options already."""
    hass.config_entries.async_update_entry(loaded_entry, options=OPTIONS)
    await settle(hass)
    return await open_options(hass, loaded_entry, "connectors")


async def enter(hass: HomeAssistant, form: Any, *addresses: str) -> Any:
    """Submit addresses."""
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], {"metrics_addresses": list(addresses)}
    )
    await settle(hass)
    return result


@pytest.mark.parametrize("way", ["{}", " {} ", "http://{}", "http://{}/metrics"])
async def test_address_of_a_connector(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    connector: RunningConnector,
    form: Any,
    way: str,
) -> None:
    """It may be pasted from the browser, and other options stay."""
    typed = way.format(connector.address)
    result = await enter(hass, form, typed, "", connector.address)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert loaded_entry.options == {
        **OPTIONS,
        "metrics_addresses": [connector.address],
    }


async def test_no_address_any_more(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    connector: RunningConnector,
    form: Any,
) -> None:
    await enter(hass, form, connector.address)
    await enter(hass, await open_options(hass, loaded_entry, "connectors"))
    assert loaded_entry.options == {**OPTIONS, "metrics_addresses": []}


@pytest.mark.parametrize(
    "typed",
    [
        "192.168.1.10",
        ":20241",
        "https://192.168.1.10:20241",
        "http://user:secret@192.168.1.10:20241",
        "192.168.1.10:20241/?x=1",
        "192.168.1.10:99999",
        "two words:20241",
        "[::1:20241",
        "file:///etc/passwd",
    ],
)
async def test_no_address_at_all(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, form: Any, typed: str
) -> None:
    """It is refused before anything is asked, and the form keeps what was typed."""
    result = await enter(hass, form, typed)
    assert result["errors"] == {"base": "metrics_address_malformed"}
    (key,) = result["data_schema"].schema
    assert key.description["suggested_value"] == [typed]
    assert loaded_entry.options == OPTIONS


async def test_nobody_there(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, form: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    result = await enter(hass, form, address)
    assert result["errors"] == {"base": "metrics_no_answer"}
    assert result["description_placeholders"]["address"] == address
    assert loaded_entry.options == OPTIONS


async def test_something_else_there(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, form: Any
) -> None:
    """Another server is no connector, whatever it answers."""
    address = sandbox.api_url.split("/")[2]
    result = await enter(hass, form, address)
    assert result["errors"] == {"base": "metrics_no_answer"}
    assert loaded_entry.options == OPTIONS


async def test_tunnel_of_another_account(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, form: Any
) -> None:
    other = sandbox.state.add_account("Elsewhere")
    tunnel = sandbox.state.add_tunnel("elsewhere", "local", other)
    async with running_connector(tunnel) as stranger:
        result = await enter(hass, form, stranger.address)
    assert result["errors"] == {"base": "metrics_other_tunnel"}
    assert loaded_entry.options == OPTIONS


async def test_account_is_not_loaded(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    connector: RunningConnector,
    form: Any,
) -> None:
    """Its tunnels are not known, so no address can be judged."""
    assert await hass.config_entries.async_unload(loaded_entry.entry_id)
    result = await enter(hass, form, connector.address)
    assert result["reason"] == "entry_not_loaded"
    assert loaded_entry.options == OPTIONS


async def test_addresses_are_in_no_diagnostics(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    connector: RunningConnector,
    form: Any,
) -> None:
    """What connectors tell is there, and where they are is not."""
    await enter(hass, form, connector.address)
    found = await async_get_config_entry_diagnostics(hass, loaded_entry)
    assert found["options"]["metrics_addresses"] == "**REDACTED**"
    assert found["tunnels"][0]["reports"] == [
        {"version": "2026.10.0", "connections": 4, "rules": 1}
    ]
    assert connector.address not in str(found)
