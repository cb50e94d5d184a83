"""Coordinator for requests that were blocked; it rests unless somebody looks."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..engine.api.client import CloudflareClient
from ..engine.api.errors import Permission
from ..engine.blocked_requests import BlockedRequests, BlockedRequestsQuery
from ..issues import async_report
from ..subentries import hostnames_of
from .base import CloudflareCoordinator

_WINDOW: Final = timedelta(hours=24)


class BlockedRequestsCoordinator(CloudflareCoordinator[Mapping[str, int]]):
    """Counts the blocked requests of the hostnames whose sensors are enabled."""

    subject = "blocked_requests"
    interval = timedelta(minutes=15)
    permissions = frozenset({Permission.ANALYTICS_READ})

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, client: CloudflareClient
    ) -> None:
        """Initialize the coordinator; nothing is known at first."""
        super().__init__(hass, entry, client)
        self.data = {}
        self._events = BlockedRequestsQuery(client)
        self._zone_ids = {
            item.hostname: item.zone_id
            for item in hostnames_of(entry.subentries).values()
        }

    @override
    async def async_fetch(self) -> Mapping[str, int]:
        hostnames = set(self.async_contexts())
        zone_ids = {self._zone_ids[hostname] for hostname in hostnames}
        counts = await asyncio.gather(
            *(
                self._count({item for item in hostnames if self._is_in(item, zone_id)})
                for zone_id in zone_ids
            )
        )
        return {hostname: count for zone in counts for hostname, count in zone.items()}

    async def _count(self, hostnames: Collection[str]) -> Mapping[str, int]:
        found = await self._unless_missing(self.async_ask(hostnames, _WINDOW))
        if found is None:
            return {}
        counts = Counter(request.hostname for request in found.requests)
        return {hostname: counts[hostname] for hostname in hostnames}

    async def async_ask(
        self, hostnames: Collection[str], window: timedelta
    ) -> BlockedRequests:
        """Return what was blocked of one zone's hostnames; raise EngineError."""
        (zone_id,) = {self._zone_ids[hostname] for hostname in hostnames}
        now = dt_util.utcnow()
        return await self._events.blocked(zone_id, hostnames, now - window, now)

    @callback
    def async_keep_up(self) -> None:
        """Ask at once where anybody looks: the sensors are there by now."""
        if any(True for _ in self.async_contexts()):
            self.config_entry.async_create_background_task(
                self.hass, self.async_refresh(), f"{self.name} refresh"
            )
        else:
            self._forget_permission()

    @callback
    @override
    def async_add_listener(
        self, update_callback: CALLBACK_TYPE, context: Any = None
    ) -> Callable[[], None]:
        remove = super().async_add_listener(update_callback, context)

        @callback
        def remove_and_tidy_up() -> None:
            remove()
            if not any(True for _ in self.async_contexts()):
                self._forget_permission()

        return remove_and_tidy_up

    def _forget_permission(self) -> None:
        """Report no permission that nobody needs."""
        async_report(
            self.hass, self.config_entry.entry_id, f"permission_{self.subject}", ()
        )

    def _is_in(self, hostname: str, zone_id: str) -> bool:
        return self._zone_ids[hostname] == zone_id
