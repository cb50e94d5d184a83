"""A real cloudflared gets the configuration of its tunnel, and says whether it takes it."""

from pathlib import Path
from typing import Any

from sandbox import Sandbox
from sandbox.api.tunnels import connector_token
from sandbox.state import Tunnel
from tests.sandbox.helpers import HOME, Api, visitor

from .cloudflared import cloudflared, needs_cloudflared, until, until_connected

pytestmark = needs_cloudflared

CONFIGURATION = "/accounts/{account}/cfd_tunnel/{tunnel}/configurations"


async def put(api: Api, *rules: dict[str, Any], status: int) -> int:
    """Write a configuration whose other requests get a status, and return its version."""
    ingress = [*rules, {"service": f"http_status:{status}"}]
    reply = await api.request("PUT", CONFIGURATION, {"config": {"ingress": ingress}})
    version: int = reply.result["version"]
    return version


async def test_each_change_is_pushed(
    sandbox: Sandbox, tunnel: Tunnel, api: Api, tmp_path: Path
) -> None:
    """A connector has the configuration before its first visitor, and each new one before the next."""
    await put(api, status=410)
    async with (
        cloudflared(sandbox, connector_token(tunnel)),
        visitor(sandbox, tmp_path) as guest,
    ):
        await until_connected(tunnel)
        assert (await guest.get(HOME)).status == 410
        version = await put(api, status=418)
        assert (await guest.get(HOME)).status == 418
        [connector] = tunnel.connectors
        assert connector.applied_version == version

        version = await put(api, status=451)
        await until(lambda: connector.applied_version == version)


async def test_refused_configuration_leaves_the_old_one(
    sandbox: Sandbox, tunnel: Tunnel, api: Api, tmp_path: Path
) -> None:
    """The API took what only the connector can know to be wrong: the connector tells its version."""
    version = await put(api, status=410)
    async with (
        cloudflared(sandbox, connector_token(tunnel)) as running,
        visitor(sandbox, tmp_path) as guest,
    ):
        await until_connected(tunnel)
        missing = {"caPool": str(tmp_path / "missing.pem")}
        rule = {"hostname": HOME, "service": "https://a", "originRequest": missing}
        assert await put(api, rule, status=418) == version + 1
        assert (await guest.get(HOME)).status == 410
        [connector] = tunnel.connectors
        assert connector.offered_version == version + 1
        assert connector.applied_version == version
        assert "Failed to update ingress" in running.log.read_text()

        assert await put(api, status=451) == version + 2
        assert (await guest.get(HOME)).status == 451
        assert connector.applied_version == version + 2


async def test_locally_managed_tunnel_gets_none(
    sandbox: Sandbox, tunnel: Tunnel, tmp_path: Path
) -> None:
    """Its connector has rules of its own, and tells them."""
    tunnel.config_src = "local"
    rules = '{"ingress": [{"service": "http_status:418"}]}'
    file = tmp_path / "config.yml"
    file.write_text(rules)
    async with (
        cloudflared(sandbox, connector_token(tunnel), "--config", str(file)),
        visitor(sandbox, tmp_path) as guest,
    ):
        await until(lambda: any(c.local_configuration for c in tunnel.connectors))
        assert (await guest.get(HOME)).status == 418
        [connector] = tunnel.connectors
        [rule] = connector.local_configuration["ingress"]
        assert rule["service"] == "http_status:418"
        assert connector.applied_version is None
