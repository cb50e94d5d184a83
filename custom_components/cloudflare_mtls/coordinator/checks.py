"""Coordinator that looks for what stops companion devices although they may get in."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..engine.api.client import CloudflareClient
from ..engine.api.errors import Permission, Rejected
from ..engine.api.models import AccessApplication, Observation, Setting
from ..engine.certificates.systems import System
from ..engine.checks.fixes import IN_TUNNEL, fix_finding
from ..engine.checks.origin import check_server, check_tunnel
from ..engine.checks.surroundings import Surroundings, ZoneSurroundings
from ..engine.checks.zone import Finding, check_zone
from ..engine.sync.settings import ProtectedHostname
from ..issues import async_report, check_issue
from ..subentries import companions_of, hostnames_of
from .base import CloudflareCoordinator
from .protection import ProtectionCoordinator
from .web_server import async_read_server

_COMPUTERS = frozenset({System.LINUX, System.MACOS, System.WINDOWS})


class ChecksCoordinator(CloudflareCoordinator[Surroundings | None]):
    """Watches what stands around the rules; each permission for it is optional."""

    subject = "checks"
    interval = timedelta(hours=6)
    permissions = frozenset()

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: CloudflareClient,
        protection: ProtectionCoordinator,
    ) -> None:
        """Initialize the coordinator; nothing is known at first."""
        super().__init__(hass, entry, client)
        self.findings: Mapping[str, Finding] = {}
        self._protection = protection
        self._looked_around: Mapping[str, Observation] = {}
        self._hostnames = [
            item
            for item in hostnames_of(entry.subentries).values()
            if item.protected.published
        ]
        self._computers = any(
            item.system in _COMPUTERS
            for item in companions_of(entry.subentries).values()
        )

    @property
    def not_permitted(self) -> frozenset[Permission]:
        """Return the permissions without which some checks are off."""
        return frozenset(self._missing)

    @override
    async def async_fetch(self) -> Surroundings | None:
        zone_ids = sorted({item.zone_id for item in self._hostnames})
        if not zone_ids:
            return None
        applications, zones = await asyncio.gather(
            self._applications(),
            asyncio.gather(*(self._look_around(zone_id) for zone_id in zone_ids)),
        )
        return Surroundings(
            zones=dict(zip(zone_ids, zones, strict=True)),
            applications=applications,
        )

    async def _applications(self) -> tuple[AccessApplication, ...]:
        applications = self.client.access_applications(self.account_id)
        return await self._unless_missing(applications) or ()

    async def _look_around(self, zone_id: str) -> ZoneSurroundings:
        settings, bot_fight_mode = await asyncio.gather(
            self._settings(zone_id), self._bot_fight_mode(zone_id)
        )
        return ZoneSurroundings(settings=settings, bot_fight_mode=bot_fight_mode)

    async def _bot_fight_mode(self, zone_id: str) -> bool | None:
        return await self._unless_missing(self.client.bot_fight_mode(zone_id))

    async def _settings(self, zone_id: str) -> Mapping[Setting, str]:
        return await self._unless_missing(self._read_settings(zone_id)) or {}

    async def _read_settings(self, zone_id: str) -> Mapping[Setting, str]:
        """Return the settings that the zone has."""
        first, *others = Setting
        # One refusal is enough to know that the token may read none of them.
        values = [await self._setting(zone_id, first)]
        values += await asyncio.gather(
            *(self._setting(zone_id, setting) for setting in others)
        )
        return {
            setting: value
            for setting, value in zip(Setting, values, strict=True)
            if value is not None
        }

    async def _setting(self, zone_id: str, setting: Setting) -> str | None:
        try:
            return await self.client.zone_setting(zone_id, setting)
        except Rejected:
            # Not every plan has every setting.
            return None

    @callback
    def async_keep_up(self) -> None:
        """Report what is known by now, and look around again once the zones have changed."""
        observations = self._protection.data.observations
        self._report(observations)
        if self._looked_around != observations:
            self._looked_around = observations
            self.config_entry.async_create_background_task(
                self.hass, self.async_refresh(), f"{self.name} refresh"
            )

    def _report(self, observations: Mapping[str, Observation]) -> None:
        found = [
            finding
            for observation in observations.values()
            for finding in self._check(observation)
        ]
        found += check_server(
            async_read_server(self.hass), [item.protected for item in self._hostnames]
        )
        self.findings = {finding.id: finding for finding in found}
        async_report(
            self.hass,
            self.config_entry.entry_id,
            "check",
            [check_issue(finding) for finding in self.findings.values()],
        )

    def _check(self, observation: Observation) -> list[Finding]:
        hostnames = self._in_zone(observation)
        if not hostnames:
            return []
        found = check_zone(
            observation,
            self.data or Surroundings(),
            hostnames,
            computers=self._computers,
        )
        for configuration in observation.configurations.values():
            served = [
                item for item in hostnames if item.tunnel_id == configuration.tunnel_id
            ]
            if served:
                name = self._tunnel_name(configuration.tunnel_id)
                found += check_tunnel(configuration, name, served)
        return found

    def _in_zone(self, observation: Observation) -> list[ProtectedHostname]:
        return [
            item.protected
            for item in self._hostnames
            if item.zone_id == observation.zone.id
        ]

    def _tunnel_name(self, tunnel_id: str) -> str:
        tunnels = self.config_entry.runtime_data.tunnels.data or {}
        state = tunnels.get(tunnel_id)
        return state.tunnel.name if state else tunnel_id

    async def async_fix(self, finding: Finding) -> None:
        """Change the one thing that ends a finding, and look again; raise EngineError."""
        async with self.shared.writing:
            await fix_finding(self.client, self.account_id, finding)
        if finding.check in IN_TUNNEL:
            await self._protection.async_refresh()
        else:
            await self.async_refresh()
