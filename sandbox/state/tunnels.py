"""Tunnels, connectors and connections."""

import base64
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
import secrets
from typing import Any

from sandbox.clock import CLOCK, now

from .ids import new_uuid

# The data centres that a connector connects to, with one connection each.
COLOS = ("fra06", "fra08", "ams01", "ams04")
_FEATURES = (
    "allow_remote_config",
    "serialized_headers",
    "support_datagram_v2",
    "support_quic_eof",
    "management_logs",
)


class TunnelStatus(StrEnum):
    """The connection status of a tunnel."""

    INACTIVE = "inactive"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"


def _new_secret() -> str:
    """Return a secret as cloudflared takes it: padded standard base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass
class Connection:
    """One of a connector's connections to a Cloudflare data centre."""

    colo_name: str
    id: str = field(default_factory=new_uuid)
    opened_at: datetime = field(default_factory=now)
    is_pending_reconnect: bool = False


@dataclass
class Connector:
    """A running cloudflared."""

    connections: list[Connection]
    version: str = "2026.10.0"
    arch: str = "linux_arm64"
    origin_ip: str = "198.51.100.7"
    features: list[str] = field(default_factory=lambda: list(_FEATURES))
    id: str = field(default_factory=new_uuid)
    run_at: datetime = field(default_factory=now)
    offered_version: int | None = None
    """The version of the configuration that a real connector was sent last."""
    applied_version: int | None = None
    """The version that it said it runs: an older one, if it refused what it was sent."""
    local_configuration: Any = None
    """The configuration of its own that it told; no answer of the API has it."""


@dataclass
class Tunnel:
    """A Cloudflare Tunnel; `config` is kept as the JSON that was sent."""

    id: str
    name: str
    account_id: str
    config_src: str = "cloudflare"
    status: TunnelStatus = TunnelStatus.INACTIVE
    connectors: list[Connector] = field(default_factory=list)
    config: dict[str, Any] | None = None
    version: int = 0
    created_at: datetime = field(default_factory=now)
    configured_at: datetime = field(default_factory=now)
    active_at: datetime | None = None
    inactive_at: datetime | None = field(init=False)
    """Since when the tunnel has no connectors; None while it has some."""
    deleted_at: datetime | None = None
    secret: str = field(default_factory=_new_secret, repr=False)

    def __post_init__(self) -> None:
        """Start without connectors."""
        self.inactive_at = self.created_at

    @property
    def serves(self) -> bool:
        """Return whether requests get through the tunnel."""
        return (
            self.deleted_at is None
            and self.status in (TunnelStatus.HEALTHY, TunnelStatus.DEGRADED)
            and not self._is_cut_off
        )

    @property
    def _is_cut_off(self) -> bool:
        lost = [each.is_pending_reconnect for each in self.connections]
        return bool(lost) and all(lost)

    @property
    def connections(self) -> list[Connection]:
        """Return the connections of all connectors."""
        return [each for connector in self.connectors for each in connector.connections]

    @property
    def ingress(self) -> list[dict[str, Any]]:
        """Return the ingress rules of the configuration."""
        rules: list[dict[str, Any]] = (self.config or {}).get("ingress", [])
        return rules

    def connect(self, connectors: int = 1, connections: int = len(COLOS)) -> None:
        """Replace all connectors by new ones, each with up to four connections."""
        self.connectors = [
            Connector([Connection(colo) for colo in COLOS[:connections]])
            for _ in range(connectors)
        ]
        self.active_at, self.inactive_at = now(), None
        self._update_status()

    def add_connector(self) -> Connector:
        """Run one more connector, beside those that run."""
        connector = Connector([Connection(colo) for colo in COLOS])
        self.connectors.append(connector)
        self.active_at, self.inactive_at = self.active_at or now(), None
        self._update_status()
        return connector

    def attach(self, connector: Connector, connection: Connection) -> Connector:
        """Add a connection of a connector in place of its lost ones, and return the listed connector."""
        listed = next(
            (each for each in self.connectors if each.id == connector.id), None
        )
        if listed is None:
            self.connectors.append(connector)
        connector = listed or connector
        connector.connections = [
            *(each for each in connector.connections if not each.is_pending_reconnect),
            connection,
        ]
        self.active_at, self.inactive_at = self.active_at or now(), None
        self._update_status()
        return connector

    def detach(self, connection: Connection) -> None:
        """Remove a connection, and its connector with the last one."""
        for connector in self.connectors:
            if connection in connector.connections:
                connector.connections.remove(connection)
                if not connector.connections:
                    self.forget(connector.id)
        self._update_status()

    def lose(self, connection: Connection, forgotten_after: float = 0) -> None:
        """Mark a connection as lost; it stays listed for some seconds."""
        connection.is_pending_reconnect = True
        self._update_status()
        CLOCK.schedule(forgotten_after, partial(self.detach, connection))

    def disconnect(self, forgotten_after: float = 0) -> None:
        """Stop every connector; the lost connections stay listed for some seconds."""
        for connection in self.connections:
            connection.is_pending_reconnect = True
        self._update_status()
        for connector in self.connectors:
            CLOCK.schedule(forgotten_after, partial(self.forget, connector.id))

    def forget(self, connector_id: str | None = None) -> None:
        """Remove one connector, or all of them."""
        self.connectors = [
            each
            for each in self.connectors
            if connector_id is not None and each.id != connector_id
        ]
        if self.active_at is not None and not self.connectors:
            self.active_at, self.inactive_at = None, now()
        self._update_status()

    def _update_status(self) -> None:
        connections = self.connections
        normal = len(self.connectors) * len(COLOS)
        # GUESS: lost connections make a tunnel degraded; once they are removed, it is down.
        if not connections:
            if self.status is not TunnelStatus.INACTIVE:
                self.status = TunnelStatus.DOWN
        elif len(connections) < normal or any(
            connection.is_pending_reconnect for connection in connections
        ):
            self.status = TunnelStatus.DEGRADED
        else:
            self.status = TunnelStatus.HEALTHY
