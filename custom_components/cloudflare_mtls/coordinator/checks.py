"""Coordinator of the checks: what stops companion devices that the rules let in, or leads others past them."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from ..engine.access.observe import LIST_LAG
from ..engine.api.access_models import AccessApplication
from ..engine.api.ask_each import Each, ask_each
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import EngineError, Permission, PermissionMissing
from ..engine.api.ingress import TunnelConfiguration
from ..engine.api.models import IpAccessRule, Observation
from ..engine.checks.finding import Finding
from ..engine.checks.fixes import fix_finding
from ..engine.checks.last_seen import last_seen
from ..engine.checks.look_around import look_around
from ..engine.checks.origin import check_server, check_tunnel
from ..engine.checks.other_ways import check_other_ways
from ..engine.checks.past_rules import check_past_rules
from ..engine.checks.specs import SPECS, FixedIn
from ..engine.checks.surroundings import Surroundings, ZoneSurroundings
from ..engine.checks.zone import check_zone
from ..engine.moment import Moment
from ..engine.rules.exposure import records_to_an_origin
from ..engine.sync.settings import HostnameSettings, ProtectedHostname
from ..issues import async_report, check_issue
from .base import CloudflareCoordinator, holds_still
from .protection_state import ProtectionState
from .web_server import async_read_server

_APPLICATIONS: Final = "applications"


def _only[ItemT](items: Mapping[str, ItemT], keys: Container[str]) -> dict[str, ItemT]:
    return {key: item for key, item in items.items() if key in keys}


class ChecksCoordinator(CloudflareCoordinator[Surroundings | None]):
    """Watches what stands around the rules; every permission that it needs is optional."""

    subject = "checks"
    # What lets visitors past the rules is read as often as the rules.
    interval = timedelta(minutes=15)
    all_every = timedelta(hours=6)
    permissions = frozenset()

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: CloudflareClient,
        protection: DataUpdateCoordinator[ProtectionState],
        removed: Callable[[], Collection[HostnameSettings]],
        tunnel_names: Callable[[], Mapping[str, str]],
        told: Callable[[], Collection[TunnelConfiguration] | None],
    ) -> None:
        """Initialize the coordinator; nothing is known at first.

        removed returns the removed hostnames that are not down yet; tunnel_names returns the name of
        each tunnel of the account, by its id; told returns the rules of local tunnels as their
        connectors tell them, None before they were asked.
        """
        super().__init__(hass, entry, client)
        self.findings: Mapping[str, Finding] = {}
        self._protection = protection
        self._removed = removed
        self._tunnel_names = tunnel_names
        self._told = told
        self._looked_around: Mapping[str, Observation] = {}
        self._all_read_on: Moment | None = None
        self._has_changed = False
        # When an application was written, until a list shows that for sure.
        self._applications_written: Moment | None = None
        self._not_permitted_then = frozenset[Permission]()
        self._looking = asyncio.Lock()

    @property
    def not_permitted(self) -> frozenset[Permission]:
        """Return the permissions without which some checks are off."""
        return frozenset(self._missing)

    def allows_some(self, settings: HostnameSettings) -> bool | None:
        """Return whether some visitors are let past all custom rules to a hostname.

        None where Cloudflare has not answered lately. Where the token may not ask, none are known.
        """
        if not self._is_reached(settings):
            return False
        if self.allowing_in(settings.zone_id):
            return True
        told_on = self.shared.allowing_told_on.get(settings.zone_id)
        return False if told_on and holds_still(told_on) else None

    def allowing_in(self, zone_id: str) -> tuple[IpAccessRule, ...]:
        """Return the rules that are known to let visitors past the zone's custom rules."""
        return self.shared.surroundings.of(zone_id).allowing

    async def async_read_allowing(self, zone_id: str) -> tuple[IpAccessRule, ...]:
        """Read at once which rules let visitors past the zone's custom rules.

        Where the token may not read them, those that were known before are returned. Raises
        EngineError.
        """
        try:
            allowing = await self.client.ip_access_rules.list_allowing(zone_id)
        except PermissionMissing:
            self._note_told([zone_id])
            return self.allowing_in(zone_id)
        self._note_told([zone_id])
        zone = replace(self.shared.surroundings.of(zone_id), allowing=allowing)
        self._show_zone(zone_id, zone)
        return allowing

    async def async_leads_past_rules(self, zone_id: str) -> bool:
        """Read at once whether anything leads visitors past the zone's custom rules, or may.

        What the token may not read counts as before. Raises EngineError.
        """
        await self.async_read_allowing(zone_id)
        listing = self.client.worker_routes.list(zone_id)
        worker_routes = await self._unless_missing(listing)
        zone = self.shared.surroundings.of(zone_id)
        if worker_routes is not None:
            zone = replace(zone, worker_routes=worker_routes)
        self._show_zone(zone_id, zone)
        return bool(zone.allowing or zone.worker_routes)

    def _show_zone(self, zone_id: str, zone: ZoneSurroundings) -> None:
        """Keep and show what was just read of a zone."""
        around = self.shared.surroundings
        self.async_set_updated_data(
            self._keep(replace(around, zones={**around.zones, zone_id: zone}))
        )

    def _note_told(self, zone_ids: Iterable[str]) -> None:
        """Note that Cloudflare has just answered whom zones let past the rules."""
        self.shared.allowing_told_on = {
            **self.shared.allowing_told_on,
            **dict.fromkeys(zone_ids, Moment.now()),
        }

    def _keep(self, surroundings: Surroundings) -> Surroundings:
        """Have what was read outlive a reload: what cannot be read then counts as it was."""
        self.shared.surroundings = surroundings
        return surroundings

    @override
    def pace(self, data: Surroundings | None) -> timedelta:
        return LIST_LAG if self._applications_written else self.interval

    @override
    async def _async_update_data(self) -> Surroundings | None:
        # One after the other: a quick look must not undo what a whole one has just found.
        async with self._looking:
            return await super()._async_update_data()

    @override
    async def async_fetch(self) -> Surroundings | None:
        watched = self._watched_zones()
        # A zone that cannot be read has its own repair.
        zone_ids = sorted(watched & self._protection.data.observations.keys())
        if not (self.hostnames or watched) or (watched and not zone_ids):
            self._applications_written = None
            return self.data if watched else None
        is_due = (
            self._has_changed
            or self._all_read_on is None
            or self.has_passed(self.all_every, self._all_read_on)
        )
        if self.data and self.data.zones.keys() >= set(zone_ids) and not is_due:
            return self._keep(await self._read_again(self.data, zone_ids))
        # A change that is seen from here on needs a look of its own.
        self._all_read_on = None
        self._has_changed = False
        applications, configurations, zones = await asyncio.gather(
            self._applications(),
            self._configurations(),
            ask_each(zone_ids, self._look_around),
        )
        self._note_applications_read()
        self._note_failures(configurations.failed)
        before = self.shared.surroundings
        kept = _only(before.configurations, configurations.failed)
        found = {key: item for key, item in configurations.found.items() if item}
        looked_around = self.take(zones)
        self._note_told(looked_around)
        newly_missing = self.not_permitted - self._not_permitted_then
        self._not_permitted_then = self.not_permitted
        if not newly_missing and not self._newly_unread:
            self._all_read_on = Moment.now()
        there = {item.zone_id for item in self._reached} & self.shared.last_seen.keys()
        return self._keep(
            Surroundings(
                zones={**_only(before.zones, there), **looked_around},
                applications=applications,
                configurations={**kept, **found},
                unread_tunnels=frozenset(configurations.failed.keys() - kept),
            )
        )

    async def _read_again(
        self, before: Surroundings, zone_ids: Collection[str]
    ) -> Surroundings:
        """Return what was read before, with the rules that let visitors past all others now.

        Applications are read again only after one was written.
        """
        self._missing |= self._not_permitted_then
        if self._applications_written:
            before = replace(before, applications=await self._applications())
            self._note_applications_read()
        if Permission.FIREWALL_READ in self._missing:
            self._note_told(zone_ids)
            return before
        asked = await ask_each(zone_ids, self.client.ip_access_rules.list_allowing)
        self._note_told([*asked.found, *asked.not_permitted])
        zones = {
            zone_id: replace(before.of(zone_id), allowing=allowing)
            for zone_id, allowing in self.take(asked).items()
        }
        return replace(before, zones={**before.zones, **zones})

    def _note_applications_read(self) -> None:
        written = self._applications_written
        if written and written.age >= LIST_LAG:
            self._applications_written = None

    async def _configurations(self) -> Each[str, TunnelConfiguration | None]:
        """Return the configurations of the tunnels that no hostname here uses.

        A tunnel that is managed locally or gone has none, and says nothing of its hostnames.
        """

        async def look_at(tunnel_id: str) -> TunnelConfiguration | None:
            return await self.client.tunnels.get_configuration(
                self.account_id, tunnel_id
            )

        used = {item.protected.tunnel_id for item in self.hostnames}
        return await ask_each(sorted(set(self._tunnel_names()) - used), look_at)

    async def _applications(self) -> tuple[AccessApplication, ...] | None:
        """Return the applications, those read before if that fails, None if they are not known."""
        try:
            return await self.client.access_applications.list(self.account_id)
        except EngineError as err:
            # Everything else around the rules need not be read again for that.
            self._note_failures({_APPLICATIONS: err})
            return self.shared.surroundings.applications

    async def _look_around(self, zone_id: str) -> ZoneSurroundings:
        before = self.shared.surroundings.of(zone_id)
        return await look_around(self.client, zone_id, self._unless_missing, before)

    @callback
    def async_keep_up(self) -> None:
        """Report what is known by now, and look around again if the zones have changed."""
        observations = self._protection.data.observations
        self._report(self._known(observations))
        if self._looked_around != observations:
            self._looked_around = observations
            self.config_entry.async_create_background_task(
                self.hass, self.async_look_around_again(), f"{self.name} refresh"
            )

    async def async_look_around_again(self) -> None:
        """Read everything now, after a change."""
        self._has_changed = True
        await self.async_refresh()

    async def async_applications_written(self) -> None:
        """Read the applications now, and once more when their list has caught up."""
        self._applications_written = Moment.now()
        await self.async_refresh()

    def _known(
        self, observations: Mapping[str, Observation]
    ) -> Mapping[str, Observation]:
        """Return what was last seen of each zone that is still there."""
        before, data = self.shared.last_seen, self._protection.data
        now = {
            zone_id: last_seen(before.get(zone_id), item)
            for zone_id, item in observations.items()
        }
        there = {zone_id for zone_id in data.plans if not data.is_gone(zone_id)}
        self.shared.last_seen = _only({**before, **now}, there)
        return self.shared.last_seen

    @property
    def _surroundings(self) -> Surroundings:
        """Return what was read, with the zones that the token sees, which are listed for all."""
        zones = self._protection.data.visible_zones
        return replace(self.shared.surroundings, visible_zones=zones)

    def _report(self, observations: Mapping[str, Observation]) -> None:
        published = [item for item in self.hostnames if item.protected.published]
        reached = self._reached
        surroundings, server = self._surroundings, async_read_server(self.hass)
        computers = any(item.system.is_computer for item in self.companions)
        found = []
        for zone_id, observation in observations.items():
            in_zone = [item.protected for item in published if item.zone_id == zone_id]
            if in_zone:
                found += check_zone(
                    observation, surroundings, in_zone, computers=computers
                )
                found += self._check_tunnels(observation, in_zone)
            found += check_past_rules(
                observation.zone,
                surroundings.of(zone_id),
                [item.hostname for item in reached if item.zone_id == zone_id],
            )
        found += check_other_ways(
            observations,
            surroundings,
            [item.protected for item in self.hostnames],
            server,
            self._told() or (),
        )
        found += check_server(server, [item.protected for item in published])
        self.findings = {finding.id: finding for finding in found}
        async_report(
            self.hass,
            self.config_entry.entry_id,
            "check",
            [check_issue(finding) for finding in self.findings.values()],
            is_complete=self._has_seen_all(observations),
        )

    def _has_seen_all(self, observations: Mapping[str, Observation]) -> bool:
        """Return whether all that may have findings was looked at."""
        zones = self._zones(self.hostnames) | self._watched_zones()
        if not zones:
            return True
        return (
            self.data is not None
            and zones <= observations.keys()
            and self._watched_zones() <= self.data.zones.keys()
            and not self.data.unread_tunnels
            and (
                self.data.applications is not None
                or Permission.ACCESS_EDIT in self._not_permitted_then
            )
            and self._told() is not None
            and all(
                item.unread_tunnels <= item.configurations.keys()
                for item in observations.values()
            )
        )

    def _check_tunnels(
        self, observation: Observation, hostnames: Iterable[ProtectedHostname]
    ) -> list[Finding]:
        """Return what was found in the tunnels of these hostnames of a zone."""
        by_tunnel = defaultdict[str, list[ProtectedHostname]](list)
        for item in hostnames:
            by_tunnel[item.tunnel_id].append(item)
        names = self._tunnel_names()
        found = []
        for tunnel_id, configuration in observation.configurations.items():
            if served := by_tunnel.get(tunnel_id):
                name = names.get(tunnel_id, tunnel_id)
                found += check_tunnel(configuration, name, served)
        return found

    def _watched_zones(self) -> set[str]:
        """Return the zones of the hostnames that somebody may reach."""
        return self._zones(self._reached)

    @property
    def _reached(self) -> list[HostnameSettings]:
        """Return the hostnames that somebody may reach: devices, or visitors whom no rule stops."""
        return [
            *filter(self._is_reached, self.hostnames),
            *filter(self._is_led_home, self._removed()),
        ]

    def _is_reached(self, settings: HostnameSettings) -> bool:
        return settings.protected.published or self._is_led_home(settings)

    def _is_led_home(self, settings: HostnameSettings) -> bool:
        """Return whether something may lead to a hostname, though it is off or removed."""
        seen = self.shared.last_seen.get(settings.zone_id)
        return seen is None or bool(records_to_an_origin(seen, settings.hostname))

    def _zones(self, hostnames: Iterable[HostnameSettings]) -> set[str]:
        """Return the zones of hostnames, but for lost ones, of which their own repairs tell."""
        zones = {item.zone_id for item in hostnames}
        return zones - self._protection.data.lost_zones.keys()

    async def async_fix(self, finding: Finding) -> None:
        """Change the one thing that causes a finding, and look again; raise EngineError."""
        async with self.shared.writing:
            await fix_finding(self.client, self.account_id, finding)
        if SPECS[finding.check].fixed_in is FixedIn.TUNNEL:
            await self._protection.async_refresh()
        else:
            await self.async_look_around_again()
