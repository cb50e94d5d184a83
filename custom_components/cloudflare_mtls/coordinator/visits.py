"""Coordinator that visits the protected hostnames, as anybody on the internet can."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from ..account import async_get_account_state
from ..const import CONF_ACCOUNT_ID, LOGGER
from ..engine.arrival import Arrival
from ..engine.moment import Moment
from ..engine.probe import Enforcement, Probe
from ..engine.sync.lost_zones import LostZone
from ..engine.sync.plan import Plan
from ..issues import (
    arrival_issue,
    async_report,
    no_edge_certificate_issue,
    not_enforced_issue,
)
from ..storage.alarms import Alarms
from ..storage.found_by_visits import FoundByVisits
from ..subentries import hostnames_of
from .protection_state import ProtectionState

# A tunnel and what is behind it may change without a word.
_TRUSTED_FOR: Final = timedelta(days=7)

# What visits depend on: the plan of each zone, the lost zones, the zone of each published hostname.
type _Basis = tuple[
    Mapping[str, Plan | None], Mapping[str, LostZone], Mapping[str, str]
]


class VisitCoordinator(DataUpdateCoordinator[Mapping[str, Enforcement]]):
    """Watches what visitors without a certificate meet; it never calls the API."""

    config_entry: ConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        probe: Probe,
        protection: DataUpdateCoordinator[ProtectionState],
        found: FoundByVisits,
        alarms: Alarms,
    ) -> None:
        """Initialize the coordinator; nothing is known at first but what was found before."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=f"{entry.title} visits",
            update_interval=timedelta(minutes=15),
        )
        self.data = {}
        self.probe = probe
        self._protection = protection
        self._visited: _Basis | None = None
        self._found = found
        self._alarms = alarms
        shared = async_get_account_state(hass, entry.data[CONF_ACCOUNT_ID])
        self._arrivals = shared.arrivals

    @override
    async def _async_update_data(self) -> Mapping[str, Enforcement]:
        self._visited = self._basis()
        self._forget_unpublished()
        hostnames = [
            hostname
            for hostname, zone_id in self._published().items()
            if self._can_be_visited(hostname, zone_id)
        ]
        met = await asyncio.gather(
            *(self.probe.without_certificate(hostname) for hostname in hostnames)
        )
        return dict(zip(hostnames, met, strict=True))

    @callback
    def async_record_arrival(self, hostname: str, arrival: Arrival) -> None:
        """Record where a visit with a good certificate ended, or that a device came through."""
        self._arrivals[hostname] = (arrival, Moment.now())
        self._report_arrivals()
        self.async_update_listeners()

    def arrival_at(self, hostname: str) -> Arrival | None:
        """Return what was met last behind a hostname's rules; what worked once is not known for ever."""
        arrival, seen_at = self._arrivals.get(hostname, (None, None))
        if arrival and seen_at and arrival.is_there:
            return arrival if seen_at.age < _TRUSTED_FOR else None
        return arrival

    def _forget_unpublished(self) -> None:
        """Forget what was met behind hostnames that are off the internet: it says nothing of them now."""
        published = self._published()
        for item in hostnames_of(self.config_entry.subentries).values():
            if item.hostname not in published:
                self._arrivals.pop(item.hostname, None)

    def _report_arrivals(self) -> None:
        published = self._published()
        issues = [
            arrival_issue(hostname, arrival)
            for hostname, (arrival, _) in self._arrivals.items()
            if hostname in published and arrival.needs_a_person
        ]
        async_report(self.hass, self.config_entry.entry_id, "arrival", issues)

    async def async_verify(self, hostname: str) -> Enforcement:
        """Visit one hostname at once."""
        met = await self.probe.without_certificate(hostname)
        if hostname in self._published():
            self.async_set_updated_data({**self.data, hostname: met})
        return met

    def is_open(self, hostname: str) -> bool:
        """Return whether visitors were let in, and were not seen to be blocked since.

        Our own visits prove nothing about a stranger who came by a way that is closed to us.
        """
        met = self.data.get(hostname)
        return (
            hostname in self._found.open
            or hostname in self._alarms.last
            or (met is not None and met.enforced is False)
        )

    def stranger_at(self, hostname: str) -> datetime | None:
        """Return when a request came through that should have been blocked, until that is long ago."""
        return self._alarms.last.get(hostname)

    @callback
    def async_keep_up(self) -> None:
        """Report what visitors met, or visit first if rules or hostnames have changed."""
        if self._visited != self._basis():
            self.config_entry.async_create_background_task(
                self.hass, self.async_refresh(), f"{self.name} refresh"
            )
            return
        self._report_arrivals()
        self._keep_what_was_found()
        published = self._published()
        visited = {
            hostname
            for hostname, zone_id in published.items()
            if self._can_be_visited(hostname, zone_id)
        }
        issues = [
            *(
                not_enforced_issue(hostname, is_readable=plan is not None)
                for hostname in visited.intersection(self._found.open)
                if (plan := self._plan(published[hostname])) is None
                or not plan.limited_to({hostname}).exposures
            ),
            *map(
                no_edge_certificate_issue,
                visited.intersection(self._found.without_certificate),
            ),
        ]
        async_report(self.hass, self.config_entry.entry_id, "visits", issues)

    def _keep_what_was_found(self) -> None:
        """Keep what was found wrong until a visit shows the opposite, or the hostname is removed.

        No visit may be over since the start, and a hostname may not be visited for a while.
        """
        configured = {
            item.hostname
            for item in hostnames_of(self.config_entry.subentries).values()
        }
        met = {name: item for name, item in self.data.items() if name in configured}
        self._found.keep(
            # A hostname that let visitors in counts as open until it is seen to block them.
            open_hostnames=_still_false(
                configured.intersection(self._found.open),
                {name: item.enforced for name, item in met.items()},
            ),
            # One that the edge has no certificate for lacks it until the edge is seen to show one.
            without_certificate=_still_false(
                configured.intersection(self._found.without_certificate),
                {name: item.has_edge_certificate for name, item in met.items()},
            ),
        )

    def _basis(self) -> _Basis:
        data = self._protection.data
        return data.plans, data.lost_zones, self._published()

    def _published(self) -> Mapping[str, str]:
        """Return the zone of each published hostname, as they are configured now."""
        return {
            item.hostname: item.zone_id
            for item in hostnames_of(self.config_entry.subentries).values()
            if item.protected.published
        }

    def _can_be_visited(self, hostname: str, zone_id: str) -> bool:
        if self._protection.data.is_gone(zone_id):
            # Nothing is there; its repair says that no rule is either.
            return False
        plan = self._plan(zone_id)
        return plan is None or plan.has_record(hostname)

    def _plan(self, zone_id: str) -> Plan | None:
        return self._protection.data.plan_in(zone_id)


def _still_false(before: set[str], seen: Mapping[str, bool | None]) -> set[str]:
    """Return the hostnames that were seen to be False, now or before, and not True since."""
    now_true = {hostname for hostname, value in seen.items() if value}
    now_false = {hostname for hostname, value in seen.items() if value is False}
    return (before - now_true) | now_false
