"""Metrics servers of connectors, for the tests: each runs with a config file of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox.metrics import MetricsServer, Process
from sandbox.state import Connector, Tunnel

from .common import settle

CATCH_ALL = {"service": "http_status:404"}


class RunningConnector:
    """A cloudflared that runs a tunnel with a config file, until it is stopped."""

    def __init__(self, tunnel: Tunnel) -> None:
        """Take the tunnel."""
        self._tunnel = tunnel
        self._process: Process | None = None
        self._port = 0
        self.server = MetricsServer(lambda: self._process)

    @property
    def address(self) -> str:
        """Return where the metrics server listens."""
        return self.server.url.removeprefix("http://")

    @property
    def connector(self) -> Connector:
        """Return the connector as Cloudflare sees it."""
        assert self._process
        return self._process.connector

    async def restart(self, *rules: dict[str, Any]) -> None:
        """Read a file with these rules and a catch-all, in another process than before."""
        await self.stop()
        file = {"ingress": [*rules, CATCH_ALL]}
        self._process = Process(self._tunnel, self._tunnel.add_connector(), file)
        await self.server.start(self._port)
        self._port = self.server.port

    def fall_silent(self) -> None:
        """Have the metrics server end each connection without an answer."""
        self._process = None

    async def stop(self, *, noticed: bool = True) -> None:
        """End the process, of which Cloudflare may notice nothing yet."""
        if self._process and noticed:
            self._tunnel.forget(self._process.connector.id)
        self._process = None
        await self.server.stop()


@asynccontextmanager
async def running_connector(
    tunnel: Tunnel, *rules: dict[str, Any]
) -> AsyncIterator[RunningConnector]:
    """Run a connector of a local tunnel."""
    tunnel.config_src = "local"
    connector = RunningConnector(tunnel)
    await connector.restart(*rules)
    try:
        yield connector
    finally:
        await connector.stop()


async def watch(
    hass: HomeAssistant, entry: MockConfigEntry, *connectors: RunningConnector
) -> None:
    """Have the account ask these metrics servers."""
    addresses = [connector.address for connector in connectors]
    hass.config_entries.async_update_entry(
        entry, options={**entry.options, "metrics_addresses": addresses}
    )
    await settle(hass)
