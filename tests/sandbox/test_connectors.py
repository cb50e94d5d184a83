"""Connectors and the status of their tunnel."""

from datetime import timedelta
from pathlib import Path

import pytest

from sandbox import Sandbox
from sandbox.clock import Delays

from .helpers import HOME, Api, visitor
from .test_control import control

TUNNELS = "/accounts/{account}/cfd_tunnel"
TUNNEL = f"{TUNNELS}/{{tunnel}}"


async def run(api: Api, connectors: int, connections: int = 4) -> str:
    """Set how many connectors run, and return the tunnel's status."""
    path = f"/tunnels/{api.sandbox.tunnel_id}/connectors"
    body = {"connectors": connectors, "connections": connections}
    answer = await control(api, "POST", path, body)
    assert answer == (await api.get(TUNNEL)).result
    return str(answer["status"])


@pytest.mark.parametrize(
    ("connectors", "connections", "expected"),
    [(1, 4, "healthy"), (2, 4, "healthy"), (1, 3, "degraded"), (2, 1, "degraded")],
)
async def test_status(
    api: Api, connectors: int, connections: int, expected: str
) -> None:
    """A tunnel is healthy if every connector has four connections."""
    assert await run(api, connectors, connections) == expected
    listed = (await api.get(f"{TUNNEL}/connections")).result
    assert [len(connector["conns"]) for connector in listed] == [
        connections
    ] * connectors
    path = f"{TUNNEL}/connectors/{listed[0]['id']}"
    assert (await api.get(path)).result == listed[0]
    assert (await api.get(f"{TUNNEL}/connectors/unknown")).status == 404


async def test_down_and_up_again(api: Api) -> None:
    """The status has the time since which the tunnel is active or inactive."""
    assert await run(api, 0) == "down"
    tunnel = (await api.get(TUNNEL)).result
    assert tunnel["conns_active_at"] is None
    assert tunnel["conns_inactive_at"]
    assert await run(api, 1) == "healthy"
    tunnel = (await api.get(TUNNEL)).result
    assert tunnel["conns_active_at"]
    assert tunnel["conns_inactive_at"] is None


async def test_never_ran(sandbox: Sandbox, api: Api) -> None:
    """A tunnel that never ran is inactive, not down."""
    tunnel = sandbox.state.add_tunnel("new")
    path = f"/tunnels/{tunnel.id}/connectors"
    for count, status in ((0, "inactive"), (1, "healthy"), (0, "down")):
        answer = await control(api, "POST", path, {"connectors": count})
        assert answer["status"] == status


async def test_lost_connections_linger(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """Lost connections stay listed for a while, but no request gets through."""
    sandbox.state.delays = Delays(reconnection=180)
    assert await run(api, 0) == "degraded"
    [connector] = (await api.get(f"{TUNNEL}/connections")).result
    assert all(each["is_pending_reconnect"] for each in connector["conns"])
    assert (await api.request("DELETE", TUNNEL)).code == 1022
    async with visitor(sandbox, tmp_path) as guest:
        assert (await guest.get(HOME)).status == 530
    sandbox.clock.advance(timedelta(seconds=181))
    assert (await api.get(f"{TUNNEL}/connections")).result == []
    assert (await api.get(TUNNEL)).result["status"] == "down"


async def test_reconnection(sandbox: Sandbox, api: Api) -> None:
    """The removal of old connectors does not affect new ones."""
    sandbox.state.delays = Delays(reconnection=180)
    await run(api, 0)
    assert await run(api, 1) == "healthy"
    sandbox.clock.advance(timedelta(seconds=181))
    assert (await api.get(TUNNEL)).result["status"] == "healthy"


async def test_delete_connections(api: Api) -> None:
    """The connections of one connector or of all can be deleted, and then the tunnel."""
    await run(api, 2)
    first, second = (await api.get(f"{TUNNEL}/connections")).result
    path = f"{TUNNEL}/connections"
    await api.request("DELETE", path, query={"client_id": first["id"]})
    assert (await api.get(path)).result == [second]
    assert (await api.request("DELETE", TUNNEL)).code == 1022
    await api.request("DELETE", path)
    assert (await api.get(path)).result == []
    assert (await api.request("DELETE", TUNNEL)).status == 200


async def test_rename(sandbox: Sandbox, api: Api) -> None:
    """A tunnel's name can be changed to an unused one, and its secret to another."""
    sandbox.state.add_tunnel("taken")
    reply = await api.request("PATCH", TUNNEL, {"name": "taken"})
    assert (reply.status, reply.code) == (409, 1013)
    assert (await api.request("PATCH", TUNNEL, {"name": ""})).code == 1003
    assert (await api.request("PATCH", TUNNEL, {"name": "home"})).status == 200
    assert (await api.request("PATCH", TUNNEL, {"name": "house"})).status == 200
    assert (await api.get(TUNNEL)).result["name"] == "house"
    before = (await api.get(f"{TUNNEL}/token")).result
    await api.request("PATCH", TUNNEL, {"tunnel_secret": "c2VjcmV0"})
    assert (await api.get(f"{TUNNEL}/token")).result != before
    assert (await api.get(TUNNEL)).result["name"] == "house"
