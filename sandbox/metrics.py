"""The metrics server of a cloudflared: what it runs with, and how it is connected."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
import json
from typing import Any

from aiohttp import web

from .active_config import active_config
from .clock import CLOCK
from .state import Connector, Tunnel

# cloudflared gives its tunnel's version 0 only to a configuration that Cloudflare pushed.
_LOCAL_VERSION = -1


@dataclass(frozen=True)
class Process:
    """A running cloudflared, and the file that it read when it started."""

    tunnel: Tunnel
    connector: Connector
    file: Mapping[str, Any] | None

    @property
    def ready_connections(self) -> int:
        """Return how many connections to Cloudflare are open."""
        if self.connector not in self.tunnel.connectors:
            return 0
        return sum(not each.is_pending_reconnect for each in self.connector.connections)

    @property
    def _is_local(self) -> bool:
        return self.tunnel.config_src == "local"

    @property
    def version(self) -> int:
        """Return the version of the configuration that is active."""
        return _LOCAL_VERSION if self._is_local else self.tunnel.version

    @property
    def config(self) -> dict[str, Any]:
        """Return the active configuration: Cloudflare's, once there is one."""
        return active_config(self.file if self._is_local else self.tunnel.config)


def process_of(tunnel: Tunnel) -> Process | None:
    """Return the first running cloudflared of a tunnel, with its file; None if there is none."""
    if not tunnel.connectors:
        return None
    return Process(tunnel, tunnel.connectors[0], tunnel.config)


class MetricsServer:
    """Serves the metrics of a process on an address of its own, without authentication."""

    def __init__(
        self, process: Callable[[], Process | None], host: str = "127.0.0.1"
    ) -> None:
        """Prepare a server; it asks for the process at every request."""
        self._process = process
        self._host = host
        self._runner: web.AppRunner | None = None
        self.port = 0
        self.silent = False
        """Whether it takes requests and never answers them."""

    @property
    def url(self) -> str:
        """Return the base address."""
        return f"http://{self._host}:{self.port}"

    async def start(self, port: int = 0) -> None:
        """Start listening; port 0 means any free port."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/ready", self._get_ready),
                web.get("/config", self._get_config),
                web.get("/diag/tunnel", self._get_tunnel),
                web.get("/metrics", self._get_metrics),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _get_ready(self, request: web.Request) -> web.Response:
        process = await self._running(request)
        status = 200 if process.ready_connections else 503
        body = {
            "status": status,
            "readyConnections": process.ready_connections,
            "connectorId": process.connector.id,
        }
        return _text(body, status)

    async def _get_config(self, request: web.Request) -> web.Response:
        process = await self._running(request)
        return _text({"version": process.version, "config": process.config})

    async def _get_tunnel(self, request: web.Request) -> web.Response:
        process = await self._running(request)
        body: dict[str, Any] = {
            "tunnelID": process.tunnel.id,
            "connectorID": process.connector.id,
        }
        # cloudflared leaves out what is zero or empty.
        connections = [
            {"isConnected": True, "protocol": 1, "edgeAddress": "198.51.100.1"}
            | ({"index": index} if index else {})
            for index in range(process.ready_connections)
        ]
        if connections:
            body["connections"] = connections
        return _text(body)

    async def _get_metrics(self, request: web.Request) -> web.Response:
        process = await self._running(request)
        # Nothing sets the gauge until Cloudflare pushes a configuration.
        version = max(process.version, 0)
        pushes = int(process.version == _LOCAL_VERSION)
        lines = [
            "# HELP build_info Build and version information",
            "# TYPE build_info gauge",
            f'build_info{{version="{process.connector.version}"}} 1',
            "# HELP cloudflared_config_local_config_pushes Number of local configuration "
            "pushes to the edge",
            "# TYPE cloudflared_config_local_config_pushes counter",
            f"cloudflared_config_local_config_pushes {pushes}",
            "# HELP cloudflared_orchestration_config_version Configuration Version",
            "# TYPE cloudflared_orchestration_config_version gauge",
            f"cloudflared_orchestration_config_version {version}",
            "# HELP cloudflared_tunnel_ha_connections Number of active ha connections",
            "# TYPE cloudflared_tunnel_ha_connections gauge",
            f"cloudflared_tunnel_ha_connections {process.ready_connections}",
        ]
        return web.Response(text="\n".join([*lines, ""]))

    async def _running(self, request: web.Request) -> Process:
        """Return the process; without one, nothing answers."""
        CLOCK.catch_up()
        while self.silent and request.transport is not None:
            await asyncio.sleep(0.05)
        process = self._process()
        if process is None:
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPServiceUnavailable
        return process


class MetricsServers:
    """The metrics servers of connectors that no app runs."""

    def __init__(self) -> None:
        """Start without servers."""
        self._running: list[MetricsServer] = []

    async def run(self, tunnel: Tunnel, port: int = 0) -> MetricsServer:
        """Have the connector of a tunnel serve its metrics, after each restart, too."""
        server = MetricsServer(lambda: process_of(tunnel))
        await server.start(port)
        self._running.append(server)
        return server

    async def stop(self) -> None:
        """Stop every server."""
        for server in self._running:
            await server.stop()


def _text(body: Mapping[str, Any], status: int = 200) -> web.Response:
    # cloudflared sets no content type, so Go takes JSON for plain text.
    return web.Response(status=status, text=json.dumps(body))
