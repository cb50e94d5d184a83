"""Coordinator that visits the protected hostnames, as anybody on the internet can."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from ..const import LOGGER
from ..engine.probe import Enforcement, Probe
from ..engine.sync.plan import Plan
from ..issues import async_report, not_enforced_issue
from ..subentries import hostnames_of
from .protection import ProtectionCoordinator


class VisitCoordinator(DataUpdateCoordinator[Mapping[str, Enforcement]]):
    """Watches what visitors without a certificate meet; it never calls the API."""

    config_entry: ConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        probe: Probe,
        protection: ProtectionCoordinator,
    ) -> None:
        """Initialize the coordinator; nothing is known at first."""
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
        self._zone_ids = {
            item.hostname: item.zone_id
            for item in hostnames_of(entry.subentries).values()
            if item.protected.published
        }
        self._plans: Mapping[str, Plan | None] | None = None
        self._open: set[str] = set()

    @override
    async def _async_update_data(self) -> Mapping[str, Enforcement]:
        self._plans = self._protection.data.plans
        hostnames = [item for item in self._zone_ids if self._can_be_visited(item)]
        met = await asyncio.gather(
            *(self.probe.without_certificate(hostname) for hostname in hostnames)
        )
        return dict(zip(hostnames, met, strict=True))

    async def async_verify(self, hostname: str) -> Enforcement:
        """Ask for one hostname at once."""
        met = await self.probe.without_certificate(hostname)
        if hostname in self._zone_ids:
            self.async_set_updated_data({**self.data, hostname: met})
        return met

    @callback
    def async_keep_up(self) -> None:
        """Report what was met, or ask again first when the rules are not what they were."""
        if self._plans != self._protection.data.plans:
            self.config_entry.async_create_background_task(
                self.hass, self.async_refresh(), f"{self.name} refresh"
            )
            return
        # What cannot be seen for a while has not got better.
        self._open = {
            hostname
            for hostname, met in self.data.items()
            if met.enforced is False
            or (met.enforced is None and hostname in self._open)
        }
        issues = [
            not_enforced_issue(hostname)
            for hostname in self._open
            if not self._is_known_to_be_exposed(hostname)
        ]
        async_report(self.hass, self.config_entry.entry_id, "visits", issues)

    def _can_be_visited(self, hostname: str) -> bool:
        plan = self._plan(hostname)
        return plan is None or plan.has_record(hostname)

    def _is_known_to_be_exposed(self, hostname: str) -> bool:
        plan = self._plan(hostname)
        return plan is not None and bool(plan.limited_to({hostname}).exposures)

    def _plan(self, hostname: str) -> Plan | None:
        return self._protection.data.plans[self._zone_ids[hostname]]
