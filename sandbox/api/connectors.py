"""The connectors of a tunnel, and their connections to Cloudflare."""

from typing import Any

from sandbox.state import Connector

from ..envelope import Answer, ApiError, Problem, microseconds
from .routing import Call, Routes
from .tunnels import find_tunnel

routes = Routes()

_CONNECTIONS = "/accounts/{account_id}/cfd_tunnel/{tunnel_id}/connections"
_CONNECTOR = "/accounts/{account_id}/cfd_tunnel/{tunnel_id}/connectors/{connector_id}"


@routes.get(_CONNECTIONS)
async def get_connections(call: Call) -> Answer:
    """Return the connectors with their connections."""
    return Answer([_connector_json(each) for each in find_tunnel(call).connectors])


@routes.delete(_CONNECTIONS)
async def delete_connections(call: Call) -> Answer:
    """Remove all connections, or those of the connector that the query names."""
    client = call.query.get("client_id")
    # GUESS: the answer, and that running connectors do not connect again.
    find_tunnel(call).forget(client)
    return Answer({})


@routes.get(_CONNECTOR)
async def get_connector(call: Call) -> Answer:
    """Return one connector."""
    for connector in find_tunnel(call).connectors:
        if connector.id == call.ids["connector_id"]:
            return Answer(_connector_json(connector))
    # GUESS: the code and text.
    raise ApiError(404, Problem(1002, "Connector not found"))


def _connector_json(connector: Connector) -> dict[str, Any]:
    return {
        "id": connector.id,
        "features": connector.features,
        "version": connector.version,
        "arch": connector.arch,
        "conns": [
            {
                "colo_name": connection.colo_name,
                "uuid": connection.id,
                "id": connection.id,
                "is_pending_reconnect": connection.is_pending_reconnect,
                "origin_ip": connector.origin_ip,
                "opened_at": microseconds(connection.opened_at),
                "client_id": connector.id,
                "client_version": connector.version,
            }
            for connection in connector.connections
        ],
        "run_at": microseconds(connector.run_at),
        "ha_status": None,
    }
