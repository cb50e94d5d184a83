"""Coordinator of the protection: who gets in, as the API tells of it, and what is put right."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import override

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..const import CONF_HOSTNAME, CONF_PIN_CERTIFICATES, EVENT_FIXED, LOGGER
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import EngineError, Permission, PermissionMissing
from ..engine.api.models import CertificateStatus, Observation
from ..engine.certificates.companions import (
    Certificate,
    CompanionState,
    companion_states,
    next_expiry,
)
from ..engine.certificates.listing import list_certificates
from ..engine.sync.pins import Pins
from ..engine.sync.plan import Plan, Problem, ProblemCode
from ..engine.sync.reconciler import Extent, Reconciler, ZoneView
from ..engine.sync.steps import RuleStep, Step, describe_step
from ..issues import async_report, hostname_issues, permission_issues, removal_issue
from ..pages.handovers import async_get_handovers
from ..storage.ledger import Ledger
from ..storage.tombstones import Buried, async_clear_hostnames
from ..subentries import companions_of, hostnames_of
from ..wording import async_get_texts
from . import ConfigEntry
from .base import SECOND_LOOK, CloudflareCoordinator

# What another Home Assistant had under way when a hostname was taken down has ended by then.
_LANDED = timedelta(minutes=5)


# Revocations take effect within minutes, as a rule; Cloudflare may call them pending for longer.
_HURRIED_INTERVAL = timedelta(minutes=1)
_HURRY = timedelta(minutes=10)
_PENDING = (
    CertificateStatus.PENDING_REVOCATION,
    CertificateStatus.PENDING_REACTIVATION,
)


@dataclass(frozen=True, kw_only=True)
class ProtectionState:
    """What was last seen at the edge; None, or not there, where the token may not look."""

    plans: Mapping[str, Plan | None]
    observations: Mapping[str, Observation]
    certificates: tuple[Certificate, ...] | None
    companions: Mapping[str, CompanionState] | None
    # As of then: who reads it later would not notice that a certificate has ended.
    next_expiry: datetime | None = None


class ProtectionCoordinator(CloudflareCoordinator[ProtectionState]):
    """Watches who gets in, and keeps it as it must be."""

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
        buried: Buried,
        ledger: Ledger,
    ) -> None:
        """Initialize the coordinator."""
        super().__init__(hass, entry, client)
        hostnames = tuple(hostnames_of(entry.subentries).values())
        self._tombstones = {item.settings.hostname: item for item in buried.hostnames}
        self.buried_devices = set(buried.devices)
        self.ledger = ledger
        self.companions = tuple(companions_of(entry.subentries).values())
        self._certificate_zones = sorted(
            {
                *(item.zone_id for item in hostnames),
                *(item.zone_id for item in self.companions),
                *buried.devices.values(),
            }
        )
        self.pins = bool(entry.options.get(CONF_PIN_CERTIFICATES))
        self._accepted = Pins(
            zone_ids=self._certificate_zones,
            adopted=frozenset(device.id for device in self.companions),
            run_blocking=hass.async_add_executor_job,
        )
        self.reconciler = Reconciler(
            client=client,
            account_id=self.account_id,
            hostnames=hostnames,
            removed=tuple(item.settings for item in self._tombstones.values()),
            pins=self._accepted if self.pins else None,
            writing=self.shared.writing,
        )
        self._hurries_until = dt_util.utcnow()
        self._pending = False
        self._failed_fixes = 0
        self._down_since: dict[str, datetime] = {}
        self._hostnames = {item.hostname for item in hostnames}
        self._kept = {item.hostname for item in hostnames if item.keep_in_sync}
        self._fixing = False

    @override
    async def async_fetch(self) -> ProtectionState:
        everything = {*self._hostnames, *self._tombstones}
        zone_ids = self.reconciler.zones_of(everything)
        views, certificates = await asyncio.gather(
            asyncio.gather(*(self._look(zone_id) for zone_id in zone_ids)),
            self._unless_missing(self.async_read_certificates()),
        )
        await self._forget(
            hostname
            for hostname, tombstone in self._tombstones.items()
            if any(
                view and tombstone.is_outlived_in(view.observation) for view in views
            )
        )
        plans = [self._plan(view, certificates) for view in views]
        await self._forget(self._at_rest(plans))
        to_fix = self._kept | self._tombstones.keys()
        drifted = any(plan and plan.limited_to(to_fix).steps for plan in plans)
        if not drifted:
            self._failed_fixes = 0
            self._report_writing(())
        # What fixing left is fixed at the next refresh, not at once, and not for ever.
        fixes = drifted and not self._fixing
        if fixes:
            # Not eager: what was found is shown before it is fixed.
            self.config_entry.async_create_background_task(
                self.hass, self._fix(), f"{self.name} fix", eager_start=False
            )
        await self._report_hostnames(plans, self._untold(plans, to_fix, fixes=fixes))
        self._pending = any(item.status in _PENDING for item in certificates or ())
        return self._with_companions(
            ProtectionState(
                plans=dict(zip(zone_ids, plans, strict=True)),
                observations={
                    view.observation.zone.id: view.observation for view in views if view
                },
                certificates=certificates,
                companions=None,
            )
        )

    def _with_companions(self, state: ProtectionState) -> ProtectionState:
        """Return the state with how the certificates stand at this moment."""
        if state.certificates is None:
            return state
        now = dt_util.utcnow()
        companions = companion_states(
            self.companions,
            state.certificates,
            self.ledger.records,
            async_get_handovers(self.hass).is_waiting,
            now,
        )
        return replace(
            state,
            companions=companions,
            next_expiry=next_expiry(state.certificates, now),
        )

    def unknown_certificates(self) -> tuple[Certificate, ...]:
        """Return the active certificates of which nobody knows where they come from.

        What another Home Assistant created is known to that one.
        """
        devices = {device.id for device in self.companions}
        return tuple(
            item
            for item in self.data.certificates or ()
            if item.is_active
            and not item.facts.managed
            and item.device_id not in devices
            and item.device_id not in self.buried_devices
            and not self.ledger.is_accepted(item.id)
        )

    @callback
    def async_hurry(self) -> None:
        """Look more often for a while: something was revoked or restored."""
        self._hurries_until = dt_util.utcnow() + _HURRY

    @property
    @override
    def pace(self) -> timedelta:
        if self._failed_fixes == 1:
            return SECOND_LOOK
        hurries = self._pending and self._hurries_until > dt_util.utcnow()
        return _HURRIED_INTERVAL if hurries else self.interval

    @callback
    def async_look_at_ledger(self) -> None:
        """Show what the ledger tells by now, without asking Cloudflare."""
        self.data = self._with_companions(self.data)
        self.async_update_listeners()

    async def _look(self, zone_id: str) -> ZoneView | None:
        return await self._unless_missing(self.reconciler.look(zone_id))

    def _plan(
        self, view: ZoneView | None, certificates: Iterable[Certificate] | None
    ) -> Plan | None:
        """Return what must be done in a zone; None where too little can be seen of it."""
        if view is None or (self.pins and certificates is None):
            return None
        extent = Extent(hostnames=self._hostnames)
        return self.reconciler.plan_for(view, self._pinned(certificates or ()), extent)

    def _pinned(self, certificates: Iterable[Certificate]) -> frozenset[str] | None:
        """Return the fingerprints of the only certificates that pass, if only some do."""
        return self._accepted.fingerprints(certificates) if self.pins else None

    async def async_pin_problem(self, *more: str) -> Problem | None:
        """Return what keeps today's certificates, and more, from being pinned; raise EngineError."""
        pinned = await self._accepted.read(self.client) | set(more)
        extent = Extent(hostnames=self._hostnames)
        for zone_id in self.reconciler.zones_of(self._hostnames):
            view = await self.reconciler.look(zone_id)
            for problem in self.reconciler.plan_for(view, pinned, extent).problems:
                if problem.code is ProblemCode.TOO_MANY_PINNED:
                    return problem
        return None

    async def async_pin(self) -> None:
        """Have the rules let in the certificates that are good by now, where they are pinned.

        What fails here is drift, and fixed like any other.
        """
        if not self.pins:
            return
        try:
            await self.reconciler.sync(Extent(hostnames=self._hostnames))
        except EngineError as err:
            LOGGER.debug("Certificates could not be pinned: %s", err)

    def _at_rest(self, plans: Iterable[Plan | None]) -> list[str]:
        """Return the removed hostnames that went some time ago, and did not come back.

        Another Home Assistant that wrote the tunnel's list at that moment may have put back
        what it had read of it before.
        """
        now = dt_util.utcnow()
        self._down_since = {
            hostname: self._down_since.get(hostname, now)
            for hostname in self._tombstones
            if all(plan and not plan.drifted(hostname) for plan in plans)
        }
        return [
            hostname
            for hostname, since in self._down_since.items()
            if now - since >= _LANDED
        ]

    async def _forget(self, hostnames: Iterable[str]) -> None:
        """Let removed hostnames rest."""
        if not (forgotten := set(hostnames)):
            return
        self._tombstones = {
            hostname: tombstone
            for hostname, tombstone in self._tombstones.items()
            if hostname not in forgotten
        }
        removed = tuple(item.settings for item in self._tombstones.values())
        self.reconciler = replace(self.reconciler, removed=removed)
        await async_clear_hostnames(self.hass, self.config_entry.entry_id, forgotten)

    def _untold(
        self, plans: Iterable[Plan | None], to_fix: set[str], *, fixes: bool
    ) -> set[str]:
        """Return the hostnames of which nothing is told: what failed once is tried again first.

        That somebody gets in is told as soon as closing it has failed.
        """
        if not self._failed_fixes:
            return to_fix if fixes else set()
        exposed = any(plan and plan.limited_to(to_fix).exposures for plan in plans)
        return to_fix if self._failed_fixes == 1 and not exposed else set()

    def _report_writing(self, missing: Iterable[Permission]) -> None:
        issues = permission_issues(self.config_entry.title, missing)
        async_report(
            self.hass, self.config_entry.entry_id, "permission_writing", issues
        )

    async def _report_hostnames(
        self, plans: Iterable[Plan | None], untold: set[str]
    ) -> None:
        text = await async_get_texts(self.hass, "common")
        seen = [plan for plan in plans if plan]
        issues = [
            issue
            for plan in seen
            for hostname in self._hostnames - untold
            for issue in hostname_issues(text, hostname, plan)
        ]
        issues += [
            removal_issue(hostname)
            for plan in seen
            for hostname in self._tombstones.keys() - untold
            if plan.drifted(hostname)
        ]
        async_report(self.hass, self.config_entry.entry_id, "hostname", issues)

    async def async_read_certificates(self) -> tuple[Certificate, ...]:
        """Return every certificate of the account's zones, as Cloudflare has them now."""
        return await list_certificates(
            self.client, self._certificate_zones, self.hass.async_add_executor_job
        )

    async def _fix(self) -> None:
        """Remove the drift of what is kept in sync, and take down what was removed."""
        self._fixing = True
        try:
            is_done = await self._bring_in_sync()
            self._failed_fixes = 0 if is_done else self._failed_fixes + 1
            await self.async_refresh()
        finally:
            self._fixing = False

    async def _bring_in_sync(self) -> bool:
        """Write what there is to write, and tell whether nothing stopped it."""
        extent = Extent(hostnames=self._kept | self._tombstones.keys())
        try:
            zones = await self.reconciler.sync(extent)
        except EngineError as err:
            LOGGER.debug("Drift could not be fixed: %s", err)
            return False
        errors = [zone.error for zone in zones.values() if zone.error]
        missing = {
            err.permission for err in errors if isinstance(err, PermissionMissing)
        }
        self._report_writing(missing if self._failed_fixes else ())
        for zone in zones.values():
            self._announce(zone.applied)
        return not errors

    @callback
    def _announce(self, applied: Iterable[Step]) -> None:
        """Tell automations what was fixed, hostname by hostname."""
        own = [step for step in applied if step.target not in self._tombstones]
        for hostname in sorted(self._kept):
            steps = [
                step
                for step in own
                if step.target == hostname
                or (isinstance(step, RuleStep) and not self._tombstones)
            ]
            if steps:
                self.hass.bus.async_fire(
                    EVENT_FIXED,
                    {
                        ATTR_CONFIG_ENTRY_ID: self.config_entry.entry_id,
                        CONF_HOSTNAME: hostname,
                        "steps": [describe_step(step) for step in steps],
                    },
                )
