"""Decides when a removed hostname or companion device is gone at Cloudflare for good."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.util import dt as dt_util

from ..engine.api.models import Observation
from ..engine.api.recent_writes import LAG
from ..engine.certificates.certificate import own_ids
from ..engine.certificates.trust import Trust
from ..engine.moment import Lasting
from ..engine.rules.marks import RECORD_COMMENT
from ..engine.sync.lost_zones import Loss, LostZone
from ..engine.sync.plan import Plan
from ..engine.sync.reconciler import Reconciler
from ..engine.sync.settings import HostnameSettings, ProtectedHostname
from ..engine.sync.steps import address_record
from ..storage.tombstones import RemovedDevice, Tombstone, Tombstones
from .protection_state import ProtectionState

# A domain that is gone for longer is gone for good.
_COMES_BACK_WITHIN: Final = timedelta(days=7)
# Another Home Assistant may have read a tunnel's list before a hostname was taken down, and
# written it back after that. By then it has.
_REST: Final = timedelta(minutes=5)


class Removals:
    """The hostnames and companion devices that were removed, and are not gone at Cloudflare."""

    def __init__(self, tombstones: Tombstones) -> None:
        """Take the tombstones of the account."""
        self._tombstones = tombstones
        self._down = Lasting()
        self._removed_devices = Lasting()

    @property
    def hostnames(self) -> Mapping[str, HostnameSettings]:
        """Return the settings of each hostname that has to be taken down, as they were."""
        return {
            hostname: tombstone.settings
            for hostname, tombstone in self._tombstones.hostnames.items()
        }

    @property
    def may_be_published(self) -> Collection[HostnameSettings]:
        """Return the removed hostnames that were not seen to be off the internet."""
        left = self._tombstones.may_be_published
        return [item for name, item in self.hostnames.items() if name in left]

    @property
    def devices(self) -> Mapping[str, RemovedDevice]:
        """Return the devices whose certificates have to be revoked, by our ids."""
        return self._tombstones.devices

    def devices_shown_now(self) -> frozenset[str]:
        """Return the removed devices of which a list that is asked for now shows what came of it.

        Lists lag: an older one may show a certificate as revoked that was reactivated before its
        device was removed. Nobody knows how long before the start that was.
        """
        removed = self._removed_devices.look(self.devices)
        return frozenset(
            device_id for device_id, since in removed.items() if since.age >= LAG
        )

    @property
    def marked(self) -> frozenset[str]:
        """Return the hostnames whose DNS record is ours, whatever its comment says by now."""
        return self._tombstones.marked

    @property
    def released(self) -> frozenset[tuple[str, str]]:
        """Return the hostnames that their tunnel's file does not name any more, as a person said."""
        return self._tombstones.released

    @property
    def files(self) -> Mapping[str, Collection[str]]:
        """Return the tunnels whose files may name a hostname, present or removed."""
        return {
            hostname: services.keys()
            for hostname, services in self._tombstones.files.items()
        }

    def find_in_file(self, hostname: str, tunnel_id: str) -> ProtectedHostname | None:
        """Return a hostname as a tunnel's file may still name it, None if that is over.

        What the file of its present tunnel says is right.
        """
        service = self._tombstones.files.get(hostname, {}).get(tunnel_id)
        own = self._tombstones.not_released.get(hostname)
        if own and own.protected.tunnel_id == tunnel_id:
            is_removed = hostname in self.hostnames
            service = own.protected.service if is_removed else None
        if service is None:
            return None
        return ProtectedHostname(
            hostname=hostname, tunnel_id=tunnel_id, service=service
        )

    async def async_order(self, subentry_ids: Mapping[str, str]) -> None:
        """Note which hostnames are being removed: Home Assistant may stop before they are down."""
        await self._tombstones.async_note_ordered(subentry_ids)

    async def async_keep(self, hostnames: Collection[str]) -> None:
        """Note that hostnames stay which were being removed."""
        await self._tombstones.async_note_kept(hostnames)

    async def async_let_go(self, hostname: str, subentry_id: str | None) -> None:
        """Forget a hostname that was opened to everybody; nothing of it is taken down any more."""
        await self._tombstones.async_note_let_go(hostname, subentry_id)

    async def async_release(self, hostname: str, tunnel_id: str) -> None:
        """Take a person's word that a local tunnel's file does not name a hostname any more."""
        await self._tombstones.async_note_released(hostname, tunnel_id)

    async def async_note_files(self, observations: Mapping[str, Observation]) -> None:
        """Remember which hostnames the files of local tunnels may name: nothing else ever tells.

        Of a tunnel that could not be read, nobody knows how it is managed. What Cloudflare manages
        has no file. Observations are by zone.
        """
        at_cloudflare = {
            tunnel_id
            for seen in observations.values()
            for tunnel_id in seen.configurations
        }
        files = {
            hostname: {
                tunnel_id: service
                for tunnel_id, service in services.items()
                if tunnel_id not in at_cloudflare
            }
            for hostname, services in self._tombstones.files.items()
        }
        for hostname, item in self._tombstones.not_released.items():
            seen, tunnel_id = observations.get(item.zone_id), item.protected.tunnel_id
            if seen and tunnel_id in seen.local_tunnels | seen.unread_tunnels:
                services = files.setdefault(hostname, {})
                services[tunnel_id] = item.protected.service
        await self._tombstones.async_note_files(files)

    async def async_note_records(
        self,
        observations: Iterable[Observation],
        written: Iterable[HostnameSettings] = (),
    ) -> None:
        """Remember the hostnames' records, and which bear our mark: another tool may take it away.

        What stands at hostnames that were written just now is ours, also where they were removed
        meanwhile.
        """
        seen = {item.zone.id: item.records for item in observations}
        marked = {
            record.name
            for records in seen.values()
            for record in records
            if record.comment == RECORD_COMMENT
        }
        zone_ids = {
            **self._tombstones.configured,
            **{item.hostname: item.zone_id for item in written},
        }
        record_ids = {
            hostname: record.id
            for hostname, zone_id in zone_ids.items()
            if (record := address_record(seen.get(zone_id, ()), hostname))
        }
        await self._tombstones.async_note_records(record_ids, marked)

    async def async_note_written(self, written: Iterable[HostnameSettings]) -> None:
        """Count what was just written as older than a removal that came meanwhile: it is no new set-up."""
        await self._tombstones.async_note_written({item.hostname for item in written})

    async def async_update(
        self,
        subentries: Mapping[str, ConfigSubentry],
        observations: Iterable[Observation],
    ) -> None:
        """Take what is no longer among the subentries for removed; the observations are of before."""
        without_file = {
            tunnel_id
            for seen in observations
            for tunnel_id in (*seen.configurations, *seen.gone_tunnels)
        }
        await self._tombstones.async_update(subentries, without_file)

    async def async_without_restored(
        self, reconciler: Reconciler, observations: Collection[Observation]
    ) -> Reconciler:
        """Forget the hostnames that somebody set up again; return the reconciler without them."""
        await self._tombstones.async_clear_hostnames(
            {
                hostname
                for hostname, tombstone in self._tombstones.hostnames.items()
                if any(came_back(tombstone, seen) for seen in observations)
            }
        )
        left = self._tombstones.hostnames
        removed = (item for item in reconciler.removed if item.hostname in left)
        return replace(reconciler, removed=tuple(removed))

    async def async_note_down(
        self, reconciler: Reconciler, plans: Mapping[str, Plan | None]
    ) -> None:
        """Remember which hostnames that were removed or turned off are seen to be off the internet."""
        turned_off = (
            item for item in reconciler.hostnames if not item.protected.published
        )
        await self._tombstones.async_note_down(
            {
                item.hostname: not plan.drifted(item.hostname)
                for item in (*reconciler.removed, *turned_off)
                if (plan := plans.get(item.zone_id))
            }
        )

    async def async_note_taken_down(self, hostnames: Collection[str]) -> None:
        """Remember that removed hostnames were seen to be off the internet as they were taken down."""
        await self._tombstones.async_note_down(dict.fromkeys(hostnames, True))

    async def async_forget_at_rest(self, plans: Mapping[str, Plan | None]) -> None:
        """Forget the hostnames that have been down for five minutes and did not come back."""
        down = self._down.look(
            hostname
            for hostname, settings in self.hostnames.items()
            # One that was removed during this refresh may be in no zone that was looked at.
            if (plan := plans.get(settings.zone_id)) and not plan.drifted(hostname)
        )
        await self._tombstones.async_clear_hostnames(
            {hostname for hostname, since in down.items() if since.age >= _REST}
        )

    async def async_forget_hostname(self, hostname: str) -> None:
        """Forget a removed hostname: what is left of it at Cloudflare stays."""
        await self._tombstones.async_clear_hostnames({hostname})

    async def async_forget_lost(self, lost: Mapping[str, LostZone]) -> None:
        """Forget what was removed in zones that are not there any more.

        One that Cloudflare does not know may come back as it was: its hostnames are kept for a while.
        """
        await self._tombstones.async_forget_zones(
            {key for key, item in lost.items() if item.loss.is_final}
        )
        long_ago = dt_util.utcnow() - _COMES_BACK_WITHIN
        await self._tombstones.async_clear_hostnames(
            {
                hostname
                for hostname, tombstone in self._tombstones.hostnames.items()
                if (zone := lost.get(tombstone.settings.zone_id))
                and zone.loss.is_final
                and (zone.loss is Loss.REPLACED or tombstone.removed_at < long_ago)
            }
        )

    async def async_forget_zones(self, zone_ids: Collection[str]) -> None:
        """Forget the hostnames that were removed in these zones: they cannot be taken down any more.

        Removed devices stay: their certificates may let them in at the account's other hostnames.
        """
        await self._tombstones.async_forget_zones(zone_ids)
        await self._tombstones.async_clear_hostnames(
            {
                hostname
                for hostname, item in self.hostnames.items()
                if item.zone_id in zone_ids
            }
        )

    async def async_forget_revoked(self, state: ProtectionState, trust: Trust) -> None:
        """Forget the devices whose certificates were all seen, and are revoked."""
        certificates = state.certificates or ()
        seen = own_ids(certificates)
        active = {
            trust.revoked_with(item) for item in certificates if item.may_be_active
        }
        await self._tombstones.async_clear_devices(
            {
                device_id
                for device_id in self.devices.keys() & state.removed_devices - active
                if trust.known_ids(device_id) <= seen
            }
        )


def came_back(tombstone: Tombstone, observation: Observation) -> bool:
    """Return whether somebody set the hostname up again after its removal was noticed.

    A backup that is restored remembers removals that are long over: a Home Assistant may
    have created a record for the hostname since.
    """
    record = address_record(observation.records, tombstone.settings.hostname)
    if record is None or record.comment != RECORD_COMMENT:
        return False
    if record.id == tombstone.record_id:
        return False
    # Two clocks, of which one may be wrong. But the answer that told our record's id may have got lost.
    return record.created_on is not None and record.created_on > tombstone.removed_at
