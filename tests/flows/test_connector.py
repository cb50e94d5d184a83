"""Tests of the steps that wait until a connector runs a new tunnel."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.cloudflare_mtls.flows import account_tunnels
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS
from tests.common import sentences, settle, submit
from tests.dialogs import to_zone
from tests.faults import Faults
from tests.flows.new_tunnels import finish_with, named, to_connector


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up at once on a connector that never comes."""
    monkeypatch.setattr(account_tunnels, "_PATIENCE_SECONDS", 0.1)


def is_polling() -> bool:
    """Return whether a dialog still waits for a connector."""
    return any("wait_for_connector" in repr(task) for task in asyncio.all_tasks())


async def test_connecting_later(hass: HomeAssistant, sandbox: Sandbox) -> None:
    """A hostname can be protected before its tunnel is connected."""
    result = await submit(hass, await to_connector(hass, sandbox), {"wait": False})

    tunnel = await finish_with(hass, sandbox, result)
    assert tunnel is named(sandbox)
    assert tunnel.connectors == []


async def test_connector_that_does_not_come(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while the dialog offers to show the instructions, to wait on, or to continue."""
    impatient(monkeypatch)
    result = await to_connector(hass, sandbox)
    token = result["description_placeholders"]["token"]

    result = await submit(hass, result, {"wait": True})
    assert result["step_id"] == "no_connector"
    assert result["errors"] == {"base": "no_connector_yet"}
    assert "ten minutes" in sentences(result)["base"]
    assert token not in str(result)

    result = await submit(hass, result, {"next": "wait"})
    assert result["errors"] == {"base": "no_connector_yet"}

    result = await submit(hass, result, {"next": "show"})
    assert result["step_id"] == "connector"
    assert result["description_placeholders"]["token"] == token

    result = await submit(hass, result, {"wait": True})
    named(sandbox).connect()
    result = await submit(hass, result, {"next": "wait"})
    assert await finish_with(hass, sandbox, result) is named(sandbox)


async def test_continuing_without_a_connector(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dialog can continue although no connector came."""
    impatient(monkeypatch)
    result = await submit(hass, await to_connector(hass, sandbox), {"wait": True})

    result = await submit(hass, result, {"next": "go_on"})

    assert await finish_with(hass, sandbox, result) is named(sandbox)


async def test_connector_without_connections_is_not_there_yet(
    hass: HomeAssistant, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connector without connections does not count."""
    impatient(monkeypatch)
    result = await to_connector(hass, sandbox)
    tunnel = named(sandbox)
    tunnel.connect()
    for connection in tunnel.connections:
        connection.is_pending_reconnect = True

    result = await submit(hass, result, {"wait": True})

    assert result["errors"] == {"base": "no_connector_yet"}


async def test_answers_that_fail_while_waiting(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """An outage and a pause that Cloudflare asks for are waited out."""
    result = await to_connector(hass, sandbox)
    named(sandbox).connect()
    faults.unavailable("GET", "/connections$", times=2)
    faults.add(
        "GET",
        "/connections$",
        status=429,
        body={"success": False, "errors": [{"code": 10429, "message": "wait"}]},
        headers={"Retry-After": "0.1"},
        times=1,
    )

    result = await submit(hass, result, {"wait": True})

    assert len([path for _, path in faults.requests if "/connections" in path]) == 4
    assert await finish_with(hass, sandbox, result) is named(sandbox)


async def test_token_that_dies_while_waiting(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A lost permission is named at once, and the dialog continues once it is back."""
    result = await to_connector(hass, sandbox)
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = ALL_PERMISSIONS - {"tunnel:edit"}

    result = await submit(hass, result, {"wait": True})
    assert result["step_id"] == "no_connector"
    assert result["errors"] == {"base": "permission_missing"}
    assert "Account / Cloudflare Tunnel / Edit" in sentences(result)["base"]

    result = await submit(hass, result, {"next": "show"})
    assert result["step_id"] == "no_connector"
    assert result["errors"] == {"base": "permission_missing"}
    assert "Account / Cloudflare Tunnel / Edit" in sentences(result)["base"]

    token.permissions = ALL_PERMISSIONS
    named(sandbox).connect()
    result = await submit(hass, result, {"next": "wait"})
    assert await finish_with(hass, sandbox, result) is named(sandbox)


async def test_dialog_that_is_closed_half_way(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The next dialog offers the tunnel, with the instructions for its connector."""
    result = await to_connector(hass, sandbox)
    token = result["description_placeholders"]["token"]
    hass.config_entries.flow.async_abort(result["flow_id"])
    tunnel = named(sandbox)

    result = await to_zone(hass, sandbox)
    chosen = {"zone_id": sandbox.zone_id, "tunnel_id": tunnel.id}
    result = await submit(hass, result, chosen)
    assert result["step_id"] == "no_connector"
    assert result["errors"] == {}
    assert result["description_placeholders"] == {"tunnel": "home-assistant"}
    result = await submit(hass, result, {})
    assert result["description_placeholders"]["token"] == token
    tunnel.connect()
    result = await submit(hass, result, {"wait": True})

    assert await finish_with(hass, sandbox, result) is tunnel


async def test_dialog_that_is_closed_while_waiting(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A closed dialog asks Cloudflare nothing more."""
    result = await to_connector(hass, sandbox)
    manager: Any = hass.config_entries.flow
    result = await manager.async_configure(result["flow_id"], {"wait": True})
    assert is_polling()

    manager.async_abort(result["flow_id"])
    await settle(hass)

    assert not is_polling()
