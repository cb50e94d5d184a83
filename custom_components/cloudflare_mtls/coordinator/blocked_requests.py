"""Coordinator of blocked requests; it asks nothing while no sensor wants to know."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..engine.api.ask_each import ask_each
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import Permission
from ..engine.blocked_requests import BlockedRequests, BlockedRequestsQuery
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
        self._query = BlockedRequestsQuery(client)

    @override
    async def async_fetch(self) -> Mapping[str, int]:
        wanted = set(self.async_contexts())
        by_zone = defaultdict[str, list[str]](list)
        for item in self.hostnames:
            if item.hostname in wanted:
                by_zone[item.zone_id].append(item.hostname)
        zones = self.take(
            await ask_each(
                by_zone, lambda zone_id: self._ask(zone_id, by_zone[zone_id], _WINDOW)
            )
        )
        counts = Counter(
            request.hostname for found in zones.values() for request in found.requests
        )
        return {
            hostname: counts[hostname]
            for zone_id in zones
            for hostname in by_zone[zone_id]
        }

    async def async_ask(self, hostname: str, window: timedelta) -> BlockedRequests:
        """Return the requests to a protected hostname that were blocked; raise EngineError."""
        zone_ids = {item.hostname: item.zone_id for item in self.hostnames}
        return await self._ask(zone_ids[hostname], [hostname], window)

    async def _ask(
        self, zone_id: str, hostnames: Collection[str], window: timedelta
    ) -> BlockedRequests:
        now = dt_util.utcnow()
        return await self._query.blocked(zone_id, hostnames, now - window, now)

    @callback
    def async_keep_up(self) -> None:
        """Ask at once if a sensor wants to know: all sensors have been added by now."""
        if self._is_wanted():
            self.config_entry.async_create_background_task(
                self.hass, self.async_refresh(), f"{self.name} refresh"
            )
        else:
            self._report_nothing_missing()

    @callback
    @override
    def async_add_listener(
        self, update_callback: CALLBACK_TYPE, context: Any = None
    ) -> Callable[[], None]:
        remove = super().async_add_listener(update_callback, context)

        @callback
        def remove_and_tidy_up() -> None:
            remove()
            if not self._is_wanted():
                self._report_nothing_missing()

        return remove_and_tidy_up

    def _is_wanted(self) -> bool:
        return bool(set(self.async_contexts()))

    def _report_nothing_missing(self) -> None:
        """Close the repair about the permission, which nobody needs now."""
        self._report_missing(self.subject, ())
