"""Coordinator of the protection: what Cloudflare has for the protected hostnames, and what must change."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..const import CONF_PIN_CERTIFICATES
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import Permission
from ..engine.certificates.certificate import ListedCertificate
from ..engine.certificates.fetch import fetch_certificates
from ..engine.certificates.trust import Trust
from ..engine.sync.dry_runs import SkipDryRuns
from ..engine.sync.pins import Pins
from ..engine.sync.plan import Plan
from ..engine.sync.problems import Problem
from ..engine.sync.reconciler import Extent, Reconciler, ZoneSync, ZoneView
from ..issues import async_report, protection_issues
from ..storage.ledger import Ledger
from ..storage.tombstones import Tombstones
from ..wording import async_get_texts
from .base import SECOND_LOOK, CloudflareCoordinator
from .drift_fixer import DriftFixer
from .pinning import async_find_pin_problem, async_write_pins
from .protection_state import ProtectionState
from .removals import Removals

# Revocations take effect within minutes, as a rule; Cloudflare may call them pending for longer.
_HURRIED_INTERVAL: Final = timedelta(minutes=1)
_HURRY: Final = timedelta(minutes=10)


class ProtectionCoordinator(CloudflareCoordinator[ProtectionState]):
    """Watches the protected hostnames and the certificates, and fixes drift."""

    subject = "protection"
    interval = timedelta(minutes=15)
    permissions = frozenset(
        {
            Permission.CERTIFICATES_EDIT,
            Permission.DNS_EDIT,
            Permission.RULES_EDIT,
            Permission.ZONE_READ,
        }
    )

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: CloudflareClient,
        tombstones: Tombstones,
        ledger: Ledger,
        is_waiting: Callable[[str], bool],
    ) -> None:
        """Initialize the coordinator; is_waiting says of a certificate whether its bundle waits."""
        super().__init__(hass, entry, client)
        self.ledger = ledger
        self.removals = Removals(tombstones)
        self._is_waiting = is_waiting
        self._skip_dry_runs = SkipDryRuns()
        self._fixer = DriftFixer(self, self.removals, self.async_writing)
        self._hurries_until = dt_util.utcnow()

    @property
    def pins(self) -> bool:
        """Return whether only certificates that are trusted are accepted."""
        return bool(self.config_entry.options.get(CONF_PIN_CERTIFICATES))

    @property
    def reconciler(self) -> Reconciler:
        """Return the reconciler of what is configured now."""
        return Reconciler(
            client=self.client,
            account_id=self.account_id,
            hostnames=self.hostnames,
            removed=tuple(self.removals.hostnames.values()),
            pins=self._pins if self.pins else None,
            skip_dry_runs=self._skip_dry_runs,
        )

    @asynccontextmanager
    async def async_writing(self) -> AsyncIterator[Reconciler]:
        """Wait for other writers, then give the reconciler of what is configured by then."""
        async with self.shared.writing:
            yield self.reconciler

    @property
    def trust(self) -> Trust:
        """Return which certificates are trusted, by what this Home Assistant knows now."""
        return Trust(
            records=self.ledger.records,
            confirmed=self.ledger.confirmed,
            unwanted=self.ledger.unwanted,
            revoked=self.ledger.revoked,
            device_ids={device.id for device in self.companions},
            removed_ids=self.removals.devices.keys(),
        )

    @property
    def _pins(self) -> Pins:
        """Return the certificates that are trusted, pinned or not."""
        return Pins(
            zone_ids=self._certificate_zones,
            trust=self.trust,
            run_blocking=self.hass.async_add_executor_job,
        )

    @override
    def pace(self, data: ProtectionState) -> timedelta:
        if self._fixer.policy.wants_second_look:
            return SECOND_LOOK
        hurries = (
            data.has_pending_certificates and self._hurries_until > dt_util.utcnow()
        )
        return _HURRIED_INTERVAL if hurries else self.interval

    @callback
    def async_hurry(self) -> None:
        """Look more often for a while: something was revoked or restored."""
        self._hurries_until = dt_util.utcnow() + _HURRY

    @callback
    def async_look_at_ledger(self) -> None:
        """Show what the ledger says by now, without a request to Cloudflare."""
        self.data = self._judged(self.data)
        self.async_update_listeners()

    async def async_settings_changed(self) -> None:
        """Follow changed subentries and options; what was removed is taken down and revoked.

        They are applied before Cloudflare is looked at: what a person changed here is no drift.
        """
        await self.removals.async_update(self.config_entry.subentries)
        await self._fixer.async_apply_settings()

    async def async_sync(self, extent: Extent) -> Mapping[str, ZoneSync]:
        """Bring hostnames to what is wanted, look again, and return how it went, by zone.

        Raises EngineError. What was taken down is not looked at while it is still configured:
        it would be built up again.
        """
        async with self.async_writing() as reconciler:
            zones = await reconciler.sync(extent)
        if not (extent.remove and all(zone.left.in_sync for zone in zones.values())):
            await self.async_refresh()
        return zones

    @override
    async def async_fetch(self) -> ProtectionState:
        # One for all: settings that change meanwhile are for the refresh that follows.
        reconciler = self.reconciler
        zone_ids = sorted(
            {item.zone_id for item in (*reconciler.hostnames, *reconciler.removed)}
        )
        views, certificates = await asyncio.gather(
            asyncio.gather(*(self._look(reconciler, item) for item in zone_ids)),
            self._read_certificates_if_permitted(),
        )
        observations = {
            view.observation.zone.id: view.observation for view in views if view
        }
        reconciler = await self.removals.async_without_restored(
            reconciler, observations.values()
        )
        plans = self._plans(reconciler, views, certificates)
        await self.removals.async_forget_at_rest(plans)
        await self._report(plans, self._fixer.async_fix(plans))
        return self._judged(
            ProtectionState(
                plans=dict(zip(zone_ids, plans, strict=True)),
                observations=observations,
                certificates=certificates,
            )
        )

    # Each begins its request only once it runs: a refresh may be cancelled before that.
    async def _look(self, reconciler: Reconciler, zone_id: str) -> ZoneView | None:
        return await self._unless_missing(reconciler.look(zone_id))

    async def _read_certificates_if_permitted(
        self,
    ) -> tuple[ListedCertificate, ...] | None:
        return await self._unless_missing(self.async_read_certificates())

    def _plans(
        self,
        reconciler: Reconciler,
        views: Iterable[ZoneView | None],
        certificates: Iterable[ListedCertificate] | None,
    ) -> list[Plan | None]:
        """Return what must change in each zone; None where too little of it may be read."""
        pins = reconciler.pins
        is_known = certificates is not None or pins is None
        pinned = pins.fingerprints(certificates or ()) if pins else None
        extent = Extent(hostnames={item.hostname for item in reconciler.hostnames})
        return [
            reconciler.plan_for(view, pinned, extent) if view and is_known else None
            for view in views
        ]

    def _judged(self, state: ProtectionState) -> ProtectionState:
        return state.judged(
            self.companions, self.trust, self._is_waiting, dt_util.utcnow()
        )

    async def _report(self, plans: Iterable[Plan | None], untold: set[str]) -> None:
        """Report what a person has to know, but nothing of the untold hostnames."""
        missing = self._fixer.policy.missing_permissions
        self._report_missing("writing", missing)
        text = await async_get_texts(self.hass, "common")
        hostnames = {item.hostname for item in self.hostnames} - untold
        removed = self.removals.hostnames.keys() - untold
        issues = protection_issues(text, plans, hostnames, removed)
        async_report(self.hass, self.config_entry.entry_id, "hostname", issues)

    async def async_pin_problem(self, *more: str) -> Problem | None:
        """Return what keeps today's certificates, and more, from being pinned; raise EngineError."""
        pinned = await self._pins.read(self.client)
        return await async_find_pin_problem(self.reconciler, pinned | set(more))

    async def async_pin(self) -> None:
        """Have the rules accept the certificates that are good by now, where they are pinned."""
        if self.pins:
            await async_write_pins(self.async_writing)

    async def async_read_certificates(self) -> tuple[ListedCertificate, ...]:
        """Return every certificate of the account's zones, as Cloudflare has them now."""
        return await fetch_certificates(
            self.client, self._certificate_zones, self.hass.async_add_executor_job
        )

    @property
    def _certificate_zones(self) -> set[str]:
        return {
            *(item.zone_id for item in self.hostnames),
            *(item.zone_id for item in self.companions),
            *self.removals.devices.values(),
        }
