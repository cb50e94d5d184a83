"""A real cloudflared registers: the API lists it while it is there."""

import base64
import json
import signal

from sandbox import Sandbox
from sandbox.api.tunnels import connector_token
from sandbox.state import Tunnel, TunnelStatus
from tests.sandbox.helpers import Api

from .cloudflared import cloudflared, needs_cloudflared, until, until_connected

pytestmark = needs_cloudflared

CONNECTIONS = "/accounts/{account}/cfd_tunnel/{tunnel}/connections"


async def test_connector_is_listed(sandbox: Sandbox, tunnel: Tunnel, api: Api) -> None:
    """Version, features and address are those of the program; it goes when it unregisters."""
    assert tunnel.status == "down"
    async with cloudflared(sandbox, connector_token(tunnel)) as running:
        await until_connected(tunnel)
        [connector] = (await api.get(CONNECTIONS)).result
        assert set(connector["features"]) == {
            "allow_remote_config",
            "serialized_headers",
            "support_datagram_v2",
            "support_quic_eof",
            "management_logs",
        }
        assert connector["version"].startswith("20")
        assert connector["arch"].startswith("linux_")
        [connection] = connector["conns"]
        assert connection["origin_ip"] == "127.0.0.1"
        assert connection["client_id"] == connector["id"]
        assert tunnel.status == "degraded"

        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 0
    assert (await api.get(CONNECTIONS)).result == []
    assert tunnel.status == "down"


async def test_four_connections_make_a_tunnel_healthy(
    sandbox: Sandbox, tunnel: Tunnel
) -> None:
    assert sandbox.connectors
    address = f"127.0.0.1:{sandbox.connectors.port}"
    more = ["--edge", address] * 3
    async with cloudflared(sandbox, connector_token(tunnel), *more):
        await until(lambda: tunnel.status is TunnelStatus.HEALTHY)
        [connector] = tunnel.connectors
        assert len({each.colo_name for each in connector.connections}) == 4


async def test_lost_connector_is_no_longer_listed(
    sandbox: Sandbox, tunnel: Tunnel
) -> None:
    async with cloudflared(sandbox, connector_token(tunnel)) as running:
        await until_connected(tunnel)
        running.process.kill()
        await until(lambda: not tunnel.connectors)
    async with cloudflared(sandbox, connector_token(tunnel)):
        await until_connected(tunnel)


async def test_wrong_secret_is_refused(sandbox: Sandbox, tunnel: Tunnel) -> None:
    """The program says so, and tries again; nothing of it is listed."""
    facts = json.loads(base64.b64decode(connector_token(tunnel)))
    facts["s"] = base64.b64encode(bytes(32)).decode()
    token = base64.b64encode(json.dumps(facts).encode()).decode()
    async with cloudflared(sandbox, token) as running:
        await until(lambda: "Unauthorized" in running.log.read_text())
        assert running.process.returncode is None
        assert not tunnel.connectors


async def test_deleted_tunnel_is_refused(sandbox: Sandbox, api: Api) -> None:
    new = {"name": "new", "config_src": "cloudflare"}
    created = (await api.request("POST", "/accounts/{account}/cfd_tunnel", new)).result
    path = f"/accounts/{{account}}/cfd_tunnel/{created['id']}"
    async with cloudflared(sandbox, created["token"]) as running:
        await until(lambda: sandbox.state.tunnels[created["id"]].connectors)
        assert (await api.request("DELETE", path)).code == 1022
        running.process.kill()
        await until(lambda: not sandbox.state.tunnels[created["id"]].connectors)
    assert (await api.request("DELETE", path)).status == 200
    async with cloudflared(sandbox, created["token"]) as running:
        await until(lambda: "Unauthorized" in running.log.read_text())
