"""Coordinator of the tunnels: which connectors run them, and whether they are up."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..engine.api.ask_each import ask_each
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import Permission
from ..engine.api.models import Connector, Tunnel, TunnelStatus
from ..engine.moment import Lasting, Moment
from ..engine.tunnels.reports import ConnectorReport, updated
from ..issues import Issue, async_report, tunnel_issue
from .base import CloudflareCoordinator

_RUNNING = (TunnelStatus.HEALTHY, TunnelStatus.DEGRADED)

CONNECTORS_INTERVAL = timedelta(minutes=5)
# Of tunnels that no protected hostname uses.
_UNUSED_INTERVAL: Final = timedelta(minutes=15)

# By then a connector that is updated, or a router that restarts, is back.
TUNNEL_DOWN_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class TunnelState:
    """A tunnel and its connectors, which are None where they could not be read."""

    tunnel: Tunnel
    connectors: tuple[Connector, ...] | None
    connected: bool | None

    def corrected_by(self, reports: Collection[ConnectorReport]) -> TunnelState:
        """Return the state with what connectors say of themselves, which is newer.

        Only where all of them do, it is known that none is connected.
        """
        if not reports:
            return self
        listed = {item.id for item in self.connectors or ()}
        speaking = {item.readiness.connector_id for item in reports}
        speaking |= {item.predecessor for item in reports if item.predecessor}
        connected = self.connected
        if any(item.is_connected for item in reports):
            connected = True
        elif self.connectors is not None and listed <= speaking:
            connected = False
        if self.connectors is None:
            # There may be more than those that speak.
            return replace(self, connected=connected)
        return replace(
            self, connectors=updated(self.connectors, reports), connected=connected
        )


class TunnelCoordinator(CloudflareCoordinator[Mapping[str, TunnelState] | None]):
    """Watches the account's tunnels."""

    subject = "tunnels"
    interval = timedelta(seconds=60)
    permissions = frozenset({Permission.TUNNEL_EDIT})

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, client: CloudflareClient
    ) -> None:
        """Initialize the coordinator; no connector was read yet."""
        super().__init__(hass, entry, client)
        self._connectors_read: dict[str, Moment] = {}
        self._missed = Lasting()
        self._looked_again: Moment | None = None

    @override
    def pace(self, data: Mapping[str, TunnelState] | None) -> timedelta:
        # After each refusal the token is read as well, to find out why.
        return CONNECTORS_INTERVAL if data is None else self.interval

    def tunnel_names(self) -> Mapping[str, str]:
        """Return the name of each tunnel that was listed last, by its id."""
        return {key: tunnel.name for key, tunnel in self.shared.tunnels.items()}

    def local_tunnel_names(self) -> Mapping[str, str]:
        """Return the name of each tunnel whose configuration Cloudflare does not keep, by its id."""
        return {
            key: tunnel.name
            for key, tunnel in self.shared.tunnels.items()
            if not tunnel.remotely_managed
        }

    @callback
    def async_look_again(self, tunnel_id: str) -> None:
        """Read a tunnel and its connectors soon: at home, one of them was seen to come or go."""
        self._connectors_read.pop(tunnel_id, None)
        # One that starts again and again is read with every refresh.
        if self._looked_again is None or self._looked_again.age >= self.interval:
            self._looked_again = Moment.now()
            self.config_entry.async_create_background_task(
                self.hass, self.async_request_refresh(), f"{self.name} refresh"
            )

    @override
    async def async_fetch(self) -> Mapping[str, TunnelState] | None:
        return await self._unless_missing(self._fetch())

    async def _fetch(self) -> Mapping[str, TunnelState]:
        tunnels = await self.client.tunnels.list(self.account_id)
        self.shared.answered_at = Moment.now()
        self.shared.tunnels = {tunnel.id: tunnel for tunnel in tunnels}
        known = self._still_known(tunnels)
        changed = {tunnel.id: tunnel for tunnel in tunnels if tunnel.id not in known}
        asked = await ask_each(changed, lambda key: self._list_connectors(changed[key]))
        asked.raise_if_not_permitted()
        # Not all or nothing: the list itself tells which tunnels are down.
        self._note_failures(asked.failed)
        self._note_unread(key for key, item in known.items() if item.connectors is None)
        # What needs another look is due at the next refresh.
        read = changed.keys() - self._newly_unread
        self._connectors_read |= dict.fromkeys(read, Moment.now())
        states = known | {
            tunnel.id: TunnelState(
                tunnel=tunnel,
                connectors=asked.found.get(tunnel.id),
                connected=_is_connected(tunnel),
            )
            for tunnel in changed.values()
        }
        issues = list(self._cut_off(tunnels))
        async_report(self.hass, self.config_entry.entry_id, "tunnel", issues)
        return {tunnel.id: states[tunnel.id] for tunnel in tunnels}

    async def _list_connectors(self, tunnel: Tunnel) -> tuple[Connector, ...]:
        return await self.client.connectors.list(
            self.account_id, tunnel.id, running=tunnel.status in _RUNNING
        )

    def _cut_off(self, tunnels: Iterable[Tunnel]) -> Iterator[Issue]:
        """Yield an issue for each tunnel that has been down too long while it is needed.

        A tunnel that never had a connector is not broken: it is still being set up.
        """
        # The hostnames are looked through only if a tunnel is down: this runs every minute.
        down = [item for item in tunnels if item.cut_off]
        served = self._published_by_tunnel() if down else {}
        missed = [item for item in down if item.id in served]
        # From when this saw it: after a power cut, the tunnel starts as late as Home Assistant.
        missed_since = self._missed.look(item.id for item in missed)
        for tunnel in missed:
            seen = missed_since[tunnel.id]
            if self.has_passed(TUNNEL_DOWN_AFTER, seen):
                since = tunnel.disconnected_since or seen.on
                yield tunnel_issue(tunnel, since, served[tunnel.id])

    def _published_by_tunnel(self) -> Mapping[str, set[str]]:
        served = defaultdict[str, set[str]](set)
        for item in self.hostnames:
            if item.protected.published:
                served[item.protected.tunnel_id].add(item.hostname)
        return served

    def _still_known(self, tunnels: Iterable[Tunnel]) -> dict[str, TunnelState]:
        """Return the states whose connectors need not be read again yet."""
        known = self.data or {}
        used = {item.protected.tunnel_id for item in self.hostnames}
        return {
            tunnel.id: state
            for tunnel in tunnels
            if (state := known.get(tunnel.id))
            and state.tunnel == tunnel
            and (read_on := self._connectors_read.get(tunnel.id))
            and not self.has_passed(
                CONNECTORS_INTERVAL if tunnel.id in used else _UNUSED_INTERVAL, read_on
            )
        }


def _is_connected(tunnel: Tunnel) -> bool | None:
    """Return whether a connector runs the tunnel; None where Cloudflare says neither."""
    return tunnel.status in _RUNNING if tunnel.status else None
