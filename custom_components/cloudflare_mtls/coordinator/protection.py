"""Coordinator of the protection: what Cloudflare has for the protected hostnames, and what must change."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..const import CONF_PIN_CERTIFICATES
from ..engine.api.ask_each import ask_each
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import EngineError, Permission, TokenRejected, Unavailable
from ..engine.certificates.fetch import CertificateList, fetch_certificates
from ..engine.certificates.orders import Orders
from ..engine.certificates.trust import Trust
from ..engine.moment import Lasting, Moment
from ..engine.sync.dry_runs import SkipDryRuns
from ..engine.sync.header_rules import HeaderRules
from ..engine.sync.lost_zones import Loss, LostZone
from ..engine.sync.pins import Pins
from ..engine.sync.plan import Plan
from ..engine.sync.problems import Problem
from ..engine.sync.reconciler import AccountSync, Extent, Reconciler, ZoneView
from ..engine.sync.settings import HostnameSettings
from ..identity import async_keep_marks
from ..issues import (
    async_report,
    lost_zone_issue,
    moved_in_file_issue,
    no_device_left_issue,
    protection_issues,
    repeated_drift_issue,
)
from ..storage.ledger import Ledger
from ..storage.tombstones import Tombstones
from ..wording import async_get_texts
from .account_zones import AccountZones
from .base import HALF_A_LOOK, SECOND_LOOK, CloudflareCoordinator, holds_still
from .drift_fixer import DriftFixer
from .pinning import async_find_room_problem, async_write_pins
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
        self._zones = AccountZones(client, self.account_id)
        self._has_new_zones = False
        self._is_waiting = is_waiting
        self._skip_dry_runs = SkipDryRuns()
        self._header_rules = HeaderRules()
        self._zones_without_plan = Lasting()
        self.told_hostnames: frozenset[str] = frozenset()
        entry.async_on_unload(partial(async_keep_marks, hass, entry.entry_id, {}))
        self._fixer = DriftFixer(self, self.removals, self.async_writing)
        self._hurries_since: Moment | None = None

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
            marked=self.removals.marked,
            files=self.removals.files,
            released=self.removals.released,
            pins=self._pins,
            skip_dry_runs=self._skip_dry_runs,
            header_rules=self._header_rules,
        )

    @asynccontextmanager
    async def async_writing(self) -> AsyncIterator[Reconciler]:
        """Wait for other writers, then give the reconciler of what is configured by then."""
        async with self.shared.writing:
            reconciler = self.reconciler
            try:
                yield reconciler
            finally:
                await self.removals.async_note_written(reconciler.hostnames)

    @property
    def trust(self) -> Trust:
        """Return which certificates are trusted, by what this Home Assistant knows now."""
        return Trust(
            records=self.ledger.records,
            confirmed=self.ledger.confirmed,
            confirmed_ids=self.ledger.confirmed_ids,
            unwanted=self.ledger.unwanted,
            revoked=self.ledger.revoked,
            device_ids={device.id for device in self.companions},
            removed_ids=self.removals.devices.keys(),
            in_use=self.ledger.in_use,
            ended=self.ledger.ended_by(dt_util.utcnow()),
        )

    @property
    def device_names(self) -> dict[str, str]:
        """Return the names of the companion devices, removed ones too, by our ids."""
        removed = self.removals.devices.items()
        return {device_id: item.name for device_id, item in removed} | {
            device.id: device.name for device in self.companions
        }

    @property
    def _pins(self) -> Pins:
        """Return what says which certificates are trusted, pinned or not."""
        return Pins(
            zone_ids=self._certificate_zones,
            trust=self.trust,
            run_blocking=self.hass.async_add_executor_job,
            everywhere=self.pins,
        )

    @override
    def pace(self, data: ProtectionState) -> timedelta:
        # The certificates of a zone that was just found are not read yet.
        if self._fixer.policy.wants_second_look or self._has_new_zones:
            return SECOND_LOOK
        since = self._hurries_since
        hurries = since is not None and since.age < _HURRY
        if hurries and data.has_pending_certificates:
            return _HURRIED_INTERVAL
        return self.interval

    @callback
    def async_hurry(self) -> None:
        """Look more often for a while: something was revoked or restored."""
        self._hurries_since = Moment.now()

    def exposes(self, settings: HostnameSettings) -> bool | None:
        """Return whether somebody gets in who must not; None where that is not known.

        What was open counts as open until it is seen to be closed; what was closed, for a while.
        A tunnel that cannot be read counts as one that leads home.
        """
        plan = self.shared.last_plans.get(settings.zone_id)
        if plan is None:
            return None
        if plan.exposes(settings.hostname):
            return True
        return (
            False if holds_still(self.shared.rules_read_on[settings.zone_id]) else None
        )

    @callback
    def async_look_at_ledger(self) -> None:
        """Show what the ledger says by now, without a request to Cloudflare."""
        self.data = self._judged(self.data)
        self.async_update_listeners()

    async def async_settings_changed(self) -> None:
        """Follow changed subentries and options; what was removed is taken down and revoked.

        They are applied before Cloudflare is looked at: what a person changed here is no drift.
        """
        await self._note_settings()
        await self._fixer.async_apply_settings()

    async def _note_settings(self) -> None:
        """Note what is configured now, and what was removed or moved since."""
        seen = self.data.observations.values() if self.data else ()
        await self.removals.async_update(self.config_entry.subentries, seen)

    async def async_note_taken_down(self, hostnames: Collection[str]) -> None:
        """Note that hostnames were removed, and that they were seen to be off the internet."""
        await self._note_settings()
        await self.removals.async_note_taken_down(hostnames)

    async def async_forget_zone(self, zone_id: str) -> None:
        """Forget what was set up and removed in a zone; at Cloudflare all stays as it is."""
        await self._note_settings()
        await self.removals.async_forget_zones({zone_id})
        await self.async_refresh()

    async def async_fix(self, extent: Extent) -> AccountSync:
        """Fix hostnames because a person asked for it, and fire what was fixed; raise EngineError."""
        outcome = await self.async_sync(extent)
        self._fixer.async_announce(outcome, asked=extent.hostnames)
        return outcome

    async def async_sync(self, extent: Extent) -> AccountSync:
        """Bring hostnames to what is wanted, look again, and return how it went; raise EngineError."""
        async with self.async_writing() as reconciler:
            outcome = await reconciler.sync(extent)
        await self.removals.async_note_records(
            outcome.observations, reconciler.hostnames
        )
        await self.async_refresh()
        return outcome

    @override
    async def async_fetch(self) -> ProtectionState:
        try:
            return await self._fetch()
        except EngineError as err:
            if self.data and self.data.is_current:
                # A date may come before the rules are read again.
                self.data = self._judged(replace(self.data, is_current=False))
            # Without a valid token, nobody looks again.
            is_last_look = isinstance(err, TokenRejected)
            # What an account that is not set up has to do is told elsewhere.
            if self.data and (is_last_look or not self.last_update_success):
                await self._report_unseen_removals(self.data)
            raise

    async def _fetch(self) -> ProtectionState:
        # One for all: settings that change meanwhile are for the refresh that follows.
        reconciler = self.reconciler
        zone_ids = {
            item.zone_id for item in (*reconciler.hostnames, *reconciler.removed)
        }
        removed_devices = self.removals.devices_shown_now()
        orders = self.ledger.orders
        seen, listed, self._has_new_zones = await asyncio.gather(
            ask_each(sorted(zone_ids), reconciler.look),
            self._list_certificates(),
            self._find_new_zones(),
        )
        with_certificates = partial(
            self._with_certificates, listed, removed_devices, orders
        )
        if any(isinstance(err, Unavailable) for err in seen.failed.values()):
            # Then it is not about the zones. Certificates are watched and revoked all the same.
            if self.data and not seen.found and listed.read_zones:
                before = replace(self.data, is_current=False)
                self._show_certificates(with_certificates(before))
            # After a restart too, certificates are watched while the rules cannot be read.
            if self.data or not listed.read_zones:
                seen.raise_if_all_failed()
        needed = listed.judged_by(self._used_zones)
        lost = await self._judge_failures({**needed.failed, **seen.failed})
        await self.removals.async_forget_lost(lost)
        observations = {
            zone_id: view.observation for zone_id, view in seen.found.items()
        }
        self._zones.remember(item.zone for item in observations.values())
        for observation in observations.values():
            self._note_unread(observation.unread_tunnels)
        await self.removals.async_note_records(observations.values())
        await self.removals.async_note_files(observations)
        # What is being written may be for a hostname that was removed meanwhile.
        if not self.shared.writing.locked():
            reconciler = await self.removals.async_without_restored(
                reconciler, observations.values()
            )
        plans = dict.fromkeys(zone_ids) | await self._plans(
            reconciler, seen.found, listed
        )
        await self.removals.async_note_down(reconciler, plans)
        await self.removals.async_forget_at_rest(plans)
        self._keep_marks()
        await self._report(plans, lost, self._fixer.async_fix(plans))
        return with_certificates(
            ProtectionState(
                plans=plans,
                observations=observations,
                lost_zones=lost,
                visible_zones=self._zones.visible,
            )
        )

    @callback
    def _keep_marks(self) -> None:
        """Let it be known of which hostnames the edge tells who visits them."""
        hostnames = {item.hostname for item in self.hostnames}
        told = self._header_rules.marks.items()
        marks = {hostname: mark for hostname, mark in told if hostname in hostnames}
        self.told_hostnames = frozenset(marks)
        async_keep_marks(self.hass, self.config_entry.entry_id, marks)

    @callback
    def _show_certificates(self, state: ProtectionState) -> None:
        """Show what is known of certificates, if that is news or something is to be tried again."""
        if self.always_update or state != self.data:
            self.data = state
            self.async_update_listeners()

    def _with_certificates(
        self,
        listed: CertificateList,
        removed_devices: frozenset[str],
        orders: Orders,
        state: ProtectionState,
    ) -> ProtectionState:
        """Return a state with the certificates that Cloudflare lists now, and what they mean."""
        needed = listed.judged_by(self._used_zones)
        return self._judged(
            replace(
                state,
                certificates=None if needed.is_unknown else listed.certificates,
                is_complete=listed.is_complete,
                unread_zones=frozenset(needed.failed),
                read_zones=listed.read_zones,
                removed_devices=removed_devices,
                orders=orders,
            )
        )

    async def _find_new_zones(self) -> bool:
        """Look for other zones of the account, where there is something to protect or to revoke."""
        is_needed = self._used_zones or self.removals.devices
        return bool(is_needed) and await self._zones.async_keep_up()

    async def _judge_failures(
        self, failed: Mapping[str, EngineError]
    ) -> Mapping[str, LostZone]:
        """Note which zones could not be read; return those that are lost, at the second look."""
        lost = await self._zones.async_find_lost(
            failed,
            (*self.hostnames, *self.removals.hostnames.values()),
            look=bool(failed.keys() - self._unread_since.keys()),
        )
        # What is refused in a zone that the token does not reach is no missing permission.
        self._note_unread(lost)
        self._note_failures(
            {zone_id: err for zone_id, err in failed.items() if zone_id not in lost}
        )
        return {
            zone_id: item
            for zone_id, item in lost.items()
            if zone_id not in self._newly_unread
        }

    async def _plans(
        self,
        reconciler: Reconciler,
        views: Mapping[str, ZoneView],
        listed: CertificateList,
    ) -> dict[str, Plan | None]:
        """Return what must change in each zone that was seen."""
        accepted = reconciler.accepted(listed)
        extent = Extent(hostnames={item.hostname for item in reconciler.hostnames})
        plans: dict[str, Plan | None] = {}
        for zone_id, view in views.items():
            plans[zone_id] = reconciler.plan_for(view, accepted, extent)
            # Home Assistant has its turn between the zones, and before the entities.
            await asyncio.sleep(0)
        return plans

    def _judged(self, state: ProtectionState) -> ProtectionState:
        return state.judged(
            self.companions,
            self.trust,
            self._is_waiting,
            dt_util.utcnow(),
            self.hostnames,
        )

    async def _report(
        self,
        plans: Mapping[str, Plan | None],
        lost: Mapping[str, LostZone],
        untold: set[str],
    ) -> None:
        """Report what a person has to know, but nothing of the untold hostnames.

        Of a zone that cannot be read, it stays as it was told before.
        """
        missing = self._fixer.policy.missing_permissions
        self._report_missing("writing", missing)
        text = await async_get_texts(self.hass, "common")
        removed = self.removals.hostnames.values()
        before = self.shared.last_plans
        gone = {zone_id for zone_id, item in lost.items() if item.loss.is_final}
        self.shared.last_plans = {
            zone_id: last
            for zone_id, plan in plans.items()
            if zone_id not in gone and (last := plan or before.get(zone_id))
        }
        read = [zone_id for zone_id, plan in plans.items() if plan]
        self.shared.rules_read_on = {
            **self.shared.rules_read_on,
            **dict.fromkeys(read, Moment.now()),
        }
        issues = protection_issues(
            text,
            self.shared.last_plans,
            [item for item in self.hostnames if item.hostname not in untold],
            [item for item in removed if item.hostname not in untold],
            self._unseen_removals(
                zone_id
                for zone_id, plan in plans.items()
                if plan is None and zone_id not in gone
            ),
            self._newly_unread,
            self._fixer.policy.refusals,
        )
        issues += [
            no_device_left_issue(item.hostname)
            for item in self.hostnames
            if item.protected.devices == frozenset()
        ]
        files = self.removals.files
        issues += [
            moved_in_file_issue(item.hostname, tunnel_id)
            for item in self.hostnames
            for tunnel_id in files.get(item.hostname, ())
            if tunnel_id != item.protected.tunnel_id
        ]
        entry_id = self.config_entry.entry_id
        async_report(self.hass, entry_id, "hostname", issues)
        repeated = self._fixer.repeated.repeated(Moment.now())
        undone = [repeated_drift_issue(*item) for item in repeated.items()]
        async_report(self.hass, entry_id, "repeated", undone)
        if not self._newly_unread:
            # At the first look nobody knows whether the cause of a repair is gone.
            lost_issues = [
                lost_zone_issue(item)
                for zone_id, item in lost.items()
                # Nobody has to decide about a domain that is gone with what was removed in it.
                if item.loss is not Loss.GONE or zone_id in self._used_zones
            ]
            async_report(self.hass, entry_id, "zone", lost_issues)

    def _unseen_removals(self, unread_zones: Iterable[str]) -> set[str]:
        """Return the removed hostnames of which nobody sees what became of them, at the second look."""
        unread = self._zones_without_plan.look(unread_zones)
        return {
            item.hostname
            for item in self.removals.may_be_published
            if item.zone_id in unread and unread[item.zone_id].age >= HALF_A_LOOK
        }

    async def _report_unseen_removals(self, before: ProtectionState) -> None:
        """Report the removed hostnames while nothing can be read at all; all else stays told."""
        removed = [
            item
            for item in self.removals.may_be_published
            if not before.is_gone(item.zone_id)
        ]
        issues = protection_issues(
            await async_get_texts(self.hass, "common"),
            self.shared.last_plans,
            (),
            removed,
            {item.hostname for item in removed},
            (),
            {},
        )
        entry_id = self.config_entry.entry_id
        async_report(self.hass, entry_id, "hostname", issues, is_complete=False)

    async def async_pin_problem(self) -> Problem | None:
        """Return what keeps today's certificates from being pinned; raise EngineError."""
        pins = replace(self._pins, everywhere=True)
        reconciler = replace(self.reconciler, pins=pins)
        accepted = await reconciler.read_accepted()
        return await async_find_room_problem(reconciler, accepted)

    async def async_room_problem(
        self, further: Mapping[str, str | None], opens: Collection[str] = ()
    ) -> Problem | None:
        """Return why no rule could list further certificates, if so; raise EngineError.

        Each is given by its fingerprint, with its device, which may use these limited hostnames
        besides those that it may use already.
        """
        hostnames = tuple(
            item.limited_to(
                {*(item.protected.devices or ()), *filter(None, further.values())}
            )
            if item.hostname in opens
            else item
            for item in self.hostnames
        )
        reconciler = replace(self.reconciler, hostnames=hostnames)
        if not reconciler.lists_certificates:
            return None
        now = accepted = await reconciler.read_accepted()
        for fingerprint, device_id in further.items():
            accepted = accepted.with_another(device_id, fingerprint)
        if all(
            accepted.at(item.protected) == now.at(item.protected) for item in hostnames
        ):
            # No rule would list them.
            return None
        return await async_find_room_problem(reconciler, accepted)

    async def async_pin(self) -> None:
        """Have the rules accept the certificates that are good by now, where they list them."""
        if self.reconciler.lists_certificates:
            await async_write_pins(self.async_writing)

    async def async_read_certificates(self) -> CertificateList:
        """Return every certificate of the account's zones, as Cloudflare has them now.

        Raises EngineError where no zone of those that are used here can be read.
        """
        if not self._zones.are_known:
            await self._zones.async_look()
        listed = await self._list_certificates()
        listed.judged_by(self._used_zones).raise_if_unknown()
        return listed

    async def _list_certificates(self) -> CertificateList:
        """Return the certificates of every zone that is known."""
        has_all_zones = self._zones.are_known
        listed = await fetch_certificates(
            self.client,
            self._certificate_zones,
            self.hass.async_add_executor_job,
            self.trust.ids_in_force | {item.id for item in self.ledger.strangers},
        )
        return replace(listed, has_all_zones=has_all_zones)

    @property
    def _certificate_zones(self) -> set[str]:
        """Return every zone whose certificates get in: Cloudflare has one authority an account."""
        return self._used_zones | self._zones.ids

    @property
    def _used_zones(self) -> set[str]:
        return {
            *(item.zone_id for item in self.hostnames),
            *(item.zone_id for item in self.companions),
            *(item.zone_id for item in self.removals.devices.values() if item.zone_id),
        }
