"""Coordinators: for the tunnels, for the edge as the API tells it, and as visitors meet it."""

from abc import abstractmethod
import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import ClassVar, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import CONF_ACCOUNT_ID, DOMAIN, LOGGER
from .edge.client import EdgeClient
from .edge.credentials import CertificateFacts, read_certificates
from .edge.errors import (
    EdgeError,
    Permission,
    PermissionMissing,
    RateLimited,
    TokenRejected,
)
from .edge.models import CertificateStatus, Connector, Tunnel
from .edge.plan import Plan
from .edge.probe import Enforcement, Probe
from .errors import describe
from .hostnames import hostnames_of
from .issues import async_report, hostname_issues, not_enforced_issue, permission_issues
from .reconciler import Reconciler

type CloudflareConfigEntry = ConfigEntry[CloudflareData]

# Until when Cloudflare wants to be left alone, by account: it outlives a failed set-up.
_PAUSES: HassKey[dict[str, datetime]] = HassKey(f"{DOMAIN}_pauses")

CONNECTORS_INTERVAL = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class CloudflareData:
    """What a loaded config entry works with."""

    client: EdgeClient
    tunnels: TunnelCoordinator
    edge: EdgeCoordinator
    visits: ProbeCoordinator


@dataclass(frozen=True, kw_only=True)
class TunnelState:
    """A tunnel and who runs it."""

    tunnel: Tunnel
    connectors: tuple[Connector, ...]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A client certificate and what it says of itself."""

    id: str
    zone_id: str
    status: CertificateStatus | None
    facts: CertificateFacts

    @property
    def is_companion(self) -> bool:
        """Tell whether a device that Home Assistant gave a certificate may still use it."""
        return self.facts.managed and self.status in (
            CertificateStatus.ACTIVE,
            CertificateStatus.PENDING_REACTIVATION,
        )


@dataclass(frozen=True, kw_only=True)
class EdgeState:
    """What was last seen at the edge; None where the token may not look."""

    plans: Mapping[str, Plan | None]
    certificates: tuple[Certificate, ...] | None

    @cached_property
    def companions(self) -> dict[str, Certificate]:
        """Return the certificates of companion devices by their id."""
        return {item.id: item for item in self.certificates or () if item.is_companion}


class CloudflareCoordinator[DataT](DataUpdateCoordinator[DataT]):
    """A coordinator that knows what Cloudflare's errors mean to Home Assistant."""

    config_entry: CloudflareConfigEntry
    interval: ClassVar[timedelta]
    permissions: ClassVar[frozenset[Permission]]

    def __init__(
        self, hass: HomeAssistant, entry: CloudflareConfigEntry, client: EdgeClient
    ) -> None:
        """Initialize the coordinator."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=f"{entry.title} {type(self).__name__}",
            update_interval=self.interval,
            always_update=False,
        )
        self.client = client
        self.account_id: str = entry.data[CONF_ACCOUNT_ID]
        self._missing: set[Permission] = set()

    @abstractmethod
    async def async_fetch(self) -> DataT:
        """Fetch everything that this coordinator watches."""

    @override
    async def _async_update_data(self) -> DataT:
        self._missing = set()
        try:
            self._wait_for_pause()
            data = await self._fetch_obediently()
        except EdgeError as err:
            key, placeholders = describe(err)
            if isinstance(err, TokenRejected):
                raise ConfigEntryAuthFailed(
                    translation_domain=DOMAIN,
                    translation_key=key,
                    translation_placeholders=placeholders,
                ) from err
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key=key,
                translation_placeholders=placeholders,
                retry_after=err.retry_after if isinstance(err, RateLimited) else None,
            ) from err
        entry = self.config_entry
        async_report(
            self.hass,
            entry,
            f"permission_{type(self).__name__}",
            permission_issues(entry, self._missing & self.permissions),
        )
        return data

    def _wait_for_pause(self) -> None:
        """Raise RateLimited while Cloudflare wants to be left alone."""
        now = dt_util.utcnow()
        until = self.hass.data.get(_PAUSES, {}).get(self.account_id, now)
        if until > now:
            raise RateLimited((until - now).total_seconds())

    async def _fetch_obediently(self) -> DataT:
        try:
            return await self.async_fetch()
        except RateLimited as err:
            self._obey(err)
            raise

    def _obey(self, err: EdgeError | None) -> None:
        """Remember the pause that Cloudflare asks for: it holds for the whole account."""
        if isinstance(err, RateLimited):
            until = dt_util.utcnow() + timedelta(seconds=err.retry_after)
            self.hass.data.setdefault(_PAUSES, {})[self.account_id] = until

    async def _unless_missing[ResultT](
        self, fetch: Awaitable[ResultT]
    ) -> ResultT | None:
        """Return what is fetched, or None where the token may not: it costs one feature."""
        try:
            return await fetch
        except PermissionMissing as err:
            self._missing.add(err.permission)
            return None


class TunnelCoordinator(CloudflareCoordinator[Mapping[str, TunnelState] | None]):
    """Watches the account's tunnels."""

    interval = timedelta(seconds=60)
    permissions = frozenset({Permission.TUNNEL_READ})

    _connectors_read: datetime | None = None

    @override
    async def async_fetch(self) -> Mapping[str, TunnelState] | None:
        return await self._unless_missing(self._fetch())

    async def _fetch(self) -> Mapping[str, TunnelState]:
        tunnels = await self.client.tunnels(self.account_id)
        known = self._still_known(tunnels)
        changed = [tunnel for tunnel in tunnels if tunnel.id not in known]
        connectors = await asyncio.gather(
            *(self.client.connectors(self.account_id, item.id) for item in changed)
        )
        states = known | {
            tunnel.id: TunnelState(tunnel=tunnel, connectors=found)
            for tunnel, found in zip(changed, connectors, strict=True)
        }
        return {tunnel.id: states[tunnel.id] for tunnel in tunnels}

    def _still_known(self, tunnels: Iterable[Tunnel]) -> dict[str, TunnelState]:
        """Return the states that need no second look: unchanged, and read not long ago."""
        now = dt_util.utcnow()
        read = self._connectors_read
        if not self.data or read is None or now - read >= CONNECTORS_INTERVAL:
            self._connectors_read = now
            return {}
        return {
            tunnel.id: state
            for tunnel in tunnels
            if (state := self.data.get(tunnel.id)) and state.tunnel == tunnel
        }


class EdgeCoordinator(CloudflareCoordinator[EdgeState]):
    """Watches who gets in, and keeps it as it must be."""

    interval = timedelta(minutes=15)
    permissions = frozenset(
        {
            Permission.CERTIFICATES_READ,
            Permission.DNS_READ,
            Permission.RULES_READ,
            Permission.ZONE_READ,
        }
    )

    def __init__(
        self, hass: HomeAssistant, entry: CloudflareConfigEntry, client: EdgeClient
    ) -> None:
        """Initialize the coordinator."""
        super().__init__(hass, entry, client)
        hostnames = hostnames_of(entry).values()
        self.reconciler = Reconciler(client, self.account_id, hostnames)
        self._hostnames = {item.hostname for item in hostnames}
        self._kept = {item.hostname for item in hostnames if item.keep_in_sync}
        self._mending = False

    @override
    async def async_fetch(self) -> EdgeState:
        zone_ids = self.reconciler.zones_of(self._hostnames)
        plans, certificates = await asyncio.gather(
            asyncio.gather(*(self._plan(zone_id) for zone_id in zone_ids)),
            self._unless_missing(self.async_read_certificates()),
        )
        drifted = any(plan and plan.limited_to(self._kept).steps for plan in plans)
        if not drifted:
            self._report_writing(())
        # What mending left is mended at the next refresh, not at once, and not for ever.
        mends = drifted and not self._mending
        if mends:
            # Not eager: what was found is shown before it is mended.
            self.config_entry.async_create_background_task(
                self.hass, self._mend(), f"{self.name} mend", eager_start=False
            )
        self._report_hostnames(plans, self._kept if mends else set())
        return EdgeState(
            plans=dict(zip(zone_ids, plans, strict=True)), certificates=certificates
        )

    def _report_writing(self, missing: Iterable[Permission]) -> None:
        issues = permission_issues(self.config_entry, missing)
        async_report(self.hass, self.config_entry, "permission_writing", issues)

    def _report_hostnames(
        self, plans: Iterable[Plan | None], about_to_be_mended: set[str]
    ) -> None:
        issues = [
            issue
            for plan in plans
            if plan
            for hostname in self._hostnames - about_to_be_mended
            for issue in hostname_issues(hostname, plan)
        ]
        async_report(self.hass, self.config_entry, "hostname", issues)

    async def _plan(self, zone_id: str) -> Plan | None:
        return await self._unless_missing(
            self.reconciler.plan(zone_id, self._hostnames)
        )

    async def async_read_certificates(self) -> tuple[Certificate, ...]:
        """Return every certificate of the account's zones, as Cloudflare has them now."""
        zone_ids = self.reconciler.zones_of(self._hostnames)
        listed = await asyncio.gather(
            *(self.client.client_certificates(zone_id) for zone_id in zone_ids)
        )
        certificates = []
        for zone_id, found in zip(zone_ids, listed, strict=True):
            readable = await self.hass.async_add_executor_job(read_certificates, found)
            certificates += [
                Certificate(
                    id=certificate.id,
                    zone_id=zone_id,
                    status=certificate.status,
                    facts=facts,
                )
                for certificate, facts in readable
            ]
        return tuple(certificates)

    async def _mend(self) -> None:
        """Remove the drift of the hostnames that are kept in sync."""
        self._mending = True
        try:
            zones = await self.reconciler.sync(self._kept)
            outcomes = [zone.outcome for zone in zones.values()]
            missing = {
                outcome.error.permission
                for outcome in outcomes
                if isinstance(outcome.error, PermissionMissing)
            }
            for outcome in outcomes:
                self._obey(outcome.error)
            self._report_writing(missing)
            await self.async_refresh()
        except EdgeError as err:
            self._obey(err)
            LOGGER.debug("Drift could not be mended: %s", err)
        finally:
            self._mending = False


class ProbeCoordinator(DataUpdateCoordinator[Mapping[str, Enforcement]]):
    """Watches what visitors without a certificate meet; it never calls the API."""

    config_entry: CloudflareConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: CloudflareConfigEntry,
        probe: Probe,
        edge: EdgeCoordinator,
    ) -> None:
        """Initialize the coordinator; nothing is known at first."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=f"{entry.title} {type(self).__name__}",
            update_interval=timedelta(minutes=15),
        )
        self.data = {}
        self.probe = probe
        self._edge = edge
        self._zone_ids = {
            item.hostname: item.zone_id
            for item in hostnames_of(entry).values()
            if item.protected.published
        }
        self._plans: Mapping[str, Plan | None] | None = None
        self._open: set[str] = set()

    @override
    async def _async_update_data(self) -> Mapping[str, Enforcement]:
        self._plans = self._edge.data.plans
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
        if self._plans != self._edge.data.plans:
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
        async_report(self.hass, self.config_entry, "visits", issues)

    def _can_be_visited(self, hostname: str) -> bool:
        plan = self._plan(hostname)
        return plan is None or plan.has_record(hostname)

    def _is_known_to_be_exposed(self, hostname: str) -> bool:
        plan = self._plan(hostname)
        return plan is not None and bool(plan.limited_to({hostname}).exposures)

    def _plan(self, hostname: str) -> Plan | None:
        return self._edge.data.plans[self._zone_ids[hostname]]
