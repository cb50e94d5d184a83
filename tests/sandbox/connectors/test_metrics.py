"""The metrics server of a tunnel with a config file: the real one and the imitation, as Home Assistant reads them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
from pathlib import Path
import re
from typing import Any

from aiohttp import ClientSession
import pytest

from custom_components.cloudflare_mtls.engine.tunnels.reports import (
    ConnectorReport,
    RuleState,
)
from custom_components.cloudflare_mtls.metrics_server import MetricsServer
from sandbox import Sandbox
from sandbox.state import Tunnel

from .cloudflared import cloudflared, needs_cloudflared, until

HOSTNAME = "ha-mobile.example.com"
HOME = {"hostname": HOSTNAME, "service": "http://homeassistant:8123"}
NAS = {"service": "http://192.168.1.20:5000"}
CATCH_ALL = {"service": "http_status:404"}


@dataclass(frozen=True)
class Runs:
    """Runs a local tunnel by the imitation or by the real program."""

    sandbox: Sandbox
    tunnel: Tunnel
    folder: Path
    is_real: bool

    @asynccontextmanager
    async def report(self, *rules: dict[str, Any]) -> AsyncIterator[ConnectorReport]:
        """Run a connector with a file of these rules, and yield what it says of itself."""
        self.tunnel.config_src = "local"
        file = {"ingress": [*rules, CATCH_ALL]}
        async with ClientSession() as session:
            if not self.is_real:
                self.tunnel.config = file
                self.tunnel.connect()
                server = await self.sandbox.metrics.run(self.tunnel)
                yield await _read(session, server.url)
                return
            config = self.folder / "config.yml"
            # JSON is YAML as well.
            config.write_text(json.dumps({**self._credentials(), **file}))
            async with cloudflared(
                self.sandbox, "", "--config", str(config)
            ) as running:
                await until(lambda: self.tunnel.connectors)
                url = re.search(
                    r"Starting metrics server on (\S+)/metrics", running.log.read_text()
                )
                assert url
                yield await _read(session, f"http://{url[1]}")

    def _credentials(self) -> dict[str, str]:
        """Write the file with the tunnel's secret, as `cloudflared tunnel create` does."""
        path = self.folder / "tunnel.json"
        secret = {
            "AccountTag": self.tunnel.account_id,
            "TunnelID": self.tunnel.id,
            "TunnelSecret": self.tunnel.secret,
        }
        path.write_text(json.dumps(secret))
        return {"tunnel": self.tunnel.id, "credentials-file": str(path)}


async def _read(session: ClientSession, url: str) -> ConnectorReport:
    server = MetricsServer(session, url.removeprefix("http://"))
    return await server.read_report(await server.read_readiness())


@pytest.fixture(
    params=["imitation", pytest.param("cloudflared", marks=needs_cloudflared)]
)
async def runs(
    request: pytest.FixtureRequest, sandbox: Sandbox, tunnel: Tunnel, tmp_path: Path
) -> Runs:
    """Run the tunnel by the one and by the other."""
    return Runs(sandbox, tunnel, tmp_path, is_real=request.param == "cloudflared")


async def test_what_is_told(runs: Runs) -> None:
    """The report names the tunnel and the connector as Cloudflare lists them."""
    async with runs.report(HOME) as report:
        (connector,) = runs.tunnel.connectors
        assert report.tunnel_id == runs.tunnel.id
        assert report.readiness.connector_id == connector.id
        assert report.is_connected
        assert re.fullmatch(r"20\d\d\.\d+\.\d+", report.version or "")
        assert [rule.hostname for rule in report.ingress] == [HOSTNAME, None]
        assert [rule.service for rule in report.ingress] == [
            HOME["service"],
            CATCH_ALL["service"],
        ]


@pytest.mark.parametrize(
    ("rules", "state"),
    [
        ([HOME], RuleState.SERVED),
        ([], RuleState.MISSING),
        ([{**NAS, "hostname": "*.example.com"}, HOME], RuleState.SHADOWED),
        ([{**NAS, "path": "^/api"}, HOME], RuleState.SERVED),
        ([{**NAS, "hostname": HOSTNAME, "path": "(?i)^/$"}, HOME], RuleState.SERVED),
    ],
    ids=["served", "missing", "shadowed", "path", "start page"],
)
async def test_rules(runs: Runs, rules: list[dict[str, Any]], state: RuleState) -> None:
    async with runs.report(*rules) as report:
        assert report.rule_state(HOSTNAME) is state
