"""Steps through the dialogs that create a tunnel, for the tests."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from sandbox import Sandbox
from sandbox.state import Tunnel
from tests.common import choose, records_of, submit
from tests.dialogs import start

CATCH_ALL = {"service": "http_status:404"}
HOST = "ha-mobile.example.com"


def new_tunnel(sandbox: Sandbox) -> dict[str, str]:
    """Return the choice of the zone and of a new tunnel."""
    return {"zone_id": sandbox.zone_id, "tunnel_id": "new"}


def named(sandbox: Sandbox, name: str = "home-assistant") -> Tunnel:
    """Return the only tunnel with a name."""
    (tunnel,) = (item for item in sandbox.state.tunnels.values() if item.name == name)
    return tunnel


async def to_name(hass: HomeAssistant, sandbox: Sandbox, token: str = "") -> Any:
    """Continue to the name of a new tunnel."""
    result = await submit(
        hass, await start(hass), {"api_token": token or sandbox.token}
    )
    result = await submit(hass, result, new_tunnel(sandbox))
    assert result["step_id"] == "new_tunnel"
    return result


async def to_connector(hass: HomeAssistant, sandbox: Sandbox) -> Any:
    """Continue to the instructions for a connector."""
    result = await submit(hass, await to_name(hass, sandbox), {})
    assert result["step_id"] == "connector"
    return result


async def finish_with(hass: HomeAssistant, sandbox: Sandbox, result: Any) -> Tunnel:
    """Continue from the hostname to the end, and return the tunnel that serves it."""
    assert result["step_id"] == "hostname"
    result = await submit(hass, result, choose())
    assert result["step_id"] == "preview"
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (record,) = records_of(sandbox, HOST)
    (tunnel,) = (
        item
        for item in sandbox.state.tunnels.values()
        if record.content == f"{item.id}.cfargotunnel.com"
    )
    assert [rule.get("hostname") for rule in tunnel.ingress] == [HOST, None]
    return tunnel
