"""What only Home Assistant knows of certificates; nothing in it is secret."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Set as AbstractSet
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, Final, Unpack, override

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.certificates.certificate import (
    Certificate,
    ListedCertificate,
    RememberedCertificate,
)
from ..engine.certificates.lifecycle import Standing
from ..engine.certificates.orders import Orders
from ..engine.certificates.records import (
    Changes,
    Places,
    Record,
    in_order_of_times,
    next_place,
)
from ..engine.known_fields import known_fields
from ..engine.moment import Moment
from .once import AccountStore, OnceKey, async_get_once, async_remove_once

# Version 1 held no fingerprints: what it says of a certificate could be said of any.
_VERSION = 2
_NOTHING: Final[Mapping[str, Any]] = {
    "records": {},
    "places": {},
    "told": {},
    "known": [],
    "strangers": [],
    "confirmed": {},
    "confirmed_ids": {},
    "unwanted": {},
    "ordered_with_removal": [],
    "revoked": [],
    "ends": {},
    "in_use": {},
    "revoked_here": {},
    "perhaps_restored": {},
}
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_LEDGERS: OnceKey[Ledger] = HassKey(f"{DOMAIN}_ledgers")


class Ledger:
    """The records of an account's certificates, and what was told about them.

    What a person confirmed is kept by fingerprint, not by anything that a certificate says.
    Unwanted are certificates that have to be revoked, by their ids or fingerprints, and those that
    are being signed, by their keys' ids. Revoked ones are remembered, wherever they were revoked:
    anybody with rights at Cloudflare may reactivate them.
    """

    def __init__(
        self, store: AccountStore[dict[str, Any]], stored: dict[str, Any] | None
    ) -> None:
        """Take what was stored."""
        self._store = store
        stored = {**_NOTHING, **(stored or {})}
        self._records = _read_records(stored)
        self._told = {
            certificate_id: Standing(value)
            for certificate_id, value in stored["told"].items()
        }
        self._seen = {*stored["known"], *stored["confirmed_ids"].values()}
        self._strangers = tuple(
            RememberedCertificate.from_ids(data["zone_id"], data["ids"])
            for data in stored["strangers"]
        )
        # Earlier versions told of each certificate once.
        self._unknown: set[str] = set(stored.get("unknown", self._seen))
        self._confirmed: dict[str, str | None] = dict(stored["confirmed"])
        self._confirmed_ids: dict[str, str] = dict(stored["confirmed_ids"])
        # With the dates from which earlier versions count how long a key stays unseen.
        self._unwanted: dict[str, str] = dict(stored["unwanted"])
        self._ordered_with_removal = frozenset[str](stored["ordered_with_removal"])
        # Home Assistant stopped during a removal, which is ended at this start.
        self._is_removal_interrupted = bool(self._ordered_with_removal)
        self._revoked: set[str] = set(stored["revoked"])
        self._ends = {
            item_id: datetime.fromisoformat(end)
            for item_id, end in stored["ends"].items()
        }
        # Earlier versions stored no end for what was revoked here.
        for item_id in self._revoked - self._ends.keys():
            self._ends[item_id] = _LONG_AGO
        self._in_use: dict[str, str] = dict(stored["in_use"])
        self._revoked_here = {
            item_id: datetime.fromisoformat(on)
            for item_id, on in stored["revoked_here"].items()
        }
        self._perhaps_restored = {
            certificate_id: datetime.fromisoformat(on)
            for certificate_id, on in stored["perhaps_restored"].items()
        }
        self._revocations: Counter[str] = Counter()
        # Nobody knows how long before the start the last orders were given.
        self._ordered_at = dict.fromkeys(self._unwanted, Moment.now())
        self._restorations: Counter[str] = Counter()

    @property
    def records(self) -> Mapping[str, Record]:
        """Return the records of the certificates that were created here, by their ids."""
        return self._records

    @property
    def confirmed(self) -> Mapping[str, str | None]:
        """Return the device of each certificate that a person confirmed, by fingerprint.

        It is None for a certificate that belongs to no device.
        """
        return self._confirmed

    @property
    def confirmed_ids(self) -> Mapping[str, str]:
        """Return Cloudflare's id of each confirmed certificate that was seen, by fingerprint."""
        return self._confirmed_ids

    async def async_record_confirmed_ids(self, ids: Mapping[str, str]) -> None:
        """Record Cloudflare's ids of certificates that were seen, by fingerprint."""
        confirmed = {key: item for key, item in ids.items() if key in self._confirmed}
        if not confirmed.items() <= self._confirmed_ids.items():
            self._confirmed_ids |= confirmed
            self._seen.update(confirmed.values())
            await self._async_save()

    def knows(self, item_id: str) -> bool:
        """Return whether this is the id or the fingerprint of a certificate, not that of a key."""
        return (
            item_id in self._records
            or item_id in self._confirmed
            or item_id in self._seen
        )

    def told(self, certificate_id: str) -> Standing | None:
        """Return the standing of a certificate that automations were last told."""
        return self._told.get(certificate_id)

    @property
    def unwanted(self) -> AbstractSet[str]:
        """Return the ids of the certificates and keys that are unwanted."""
        return self._unwanted.keys()

    @property
    def revoked(self) -> Collection[str]:
        """Return the ids and fingerprints of certificates that were revoked here, or seen revoked."""
        return self._revoked

    @property
    def orders(self) -> Orders:
        """Return what was ordered to be revoked or restored since the start, up to now."""
        return Orders(
            revocations=dict(self._revocations),
            ordered_at=dict(self._ordered_at),
            restorations=dict(self._restorations),
        )

    @property
    def revoked_on(self) -> Mapping[str, datetime]:
        """Return when each certificate was last revoked here, by its ids, unless it was restored."""
        return {
            item_id: on
            for item_id, on in self._revoked_here.items()
            if item_id in self._revoked
        }

    @property
    def restored_on(self) -> Mapping[str, datetime]:
        """Return when a person last restored each certificate, by its id."""
        return {
            certificate_id: record.restored_on
            for certificate_id, record in self._records.items()
            if record.restored_on
        }

    @property
    def perhaps_restored_on(self) -> Mapping[str, datetime]:
        """Return when each certificate was last restored without an answer, unless it was revoked since."""
        return self._perhaps_restored

    def note_restoration(self, certificate_id: str) -> None:
        """Note that a certificate was restored, or may have been.

        It is not stored: nothing that was read before survives a restart.
        """
        self._restorations[certificate_id] += 1

    async def async_note_perhaps_restored(self, certificate_id: str) -> None:
        """Record that a certificate may have been restored: nobody saw the answer.

        That it was revoked before is no longer believed, also after a restart.
        """
        self.note_restoration(certificate_id)
        self._revoked_here.pop(certificate_id, None)
        self._perhaps_restored[certificate_id] = dt_util.utcnow()
        await self._async_save()

    def end_of(self, item_id: str) -> datetime | None:
        """Return until when a known certificate lets somebody in, by its id or fingerprint."""
        return self._ends.get(item_id)

    def ended_by(self, now: datetime) -> frozenset[str]:
        """Return the ids and fingerprints of certificates that were seen revoked, or have expired."""
        return frozenset(item_id for item_id, end in self._ends.items() if end <= now)

    async def async_record_ends(self, ends: Mapping[str, datetime]) -> None:
        """Record until when certificates let somebody in, by their ids and fingerprints."""
        if not ends.items() <= self._ends.items():
            self._ends |= ends
            await self._async_save()

    async def async_add(self, certificate_id: str, record: Record) -> None:
        """Record a new certificate."""
        self._add(certificate_id, record)
        self._in_use.pop(record.device_id, None)
        await self._async_save()

    def _add(self, certificate_id: str, record: Record) -> None:
        place = next_place(self._records)
        places = replace(record.places, creation=place)
        self._records[certificate_id] = replace(record, places=places)

    @property
    def in_use(self) -> Mapping[str, str]:
        """Return the certificate that each device used when somebody revoked the device, by its id."""
        return self._in_use

    async def async_record_in_use(self, device_id: str, certificate_id: str) -> None:
        """Record which certificate a device uses, before the device is revoked."""
        self._in_use[device_id] = certificate_id
        await self._async_save()

    async def async_note(self, certificate_id: str, **changes: Unpack[Changes]) -> None:
        """Record what happened to a certificate that was created here."""
        if certificate_id in self._records:
            self._note(certificate_id, **changes)
            await self._async_save()

    async def async_revoke_replaced_now(self, device_id: str) -> bool:
        """Have what a device's certificates have replaced by now revoked at once, and not later.

        Returns whether anything may have been replaced that is not due already.
        """
        now = dt_util.utcnow()
        due = {
            key: replace(record, revoke_old_on=now)
            for key, record in self._records.items()
            if record.device_id == device_id
            and record.replacements(now)
            and (record.revoke_old_on is None or record.revoke_old_on > now)
        }
        if due:
            self._records |= due
            await self._async_save()
        return bool(due)

    def _note(self, certificate_id: str, **changes: Unpack[Changes]) -> None:
        record, place = self._records[certificate_id], next_place(self._records)
        self._records[certificate_id] = record.noting(place, **changes)
        if "restored_on" in changes:
            self._in_use.pop(record.device_id, None)

    async def async_record_told(self, standings: dict[str, Standing]) -> None:
        """Record the standings of certificates that automations are told."""
        if not standings.items() <= self._told.items():
            self._told |= standings
            await self._async_save()

    async def async_record_unknown(
        self, unknown: Collection[str], others: Collection[str]
    ) -> list[str]:
        """Record which certificates are unknown and which others are not; return those that became so.

        Those that are among neither stay as they were.
        """
        before = self._unknown
        self._unknown = before.difference(others).union(unknown)
        if self._unknown != before:
            self._seen.update(unknown)
            await self._async_save()
        return sorted(set(unknown) - before)

    @property
    def strangers(self) -> tuple[RememberedCertificate, ...]:
        """Return the unknown certificates that a person was last told of."""
        return self._strangers

    async def async_record_strangers(
        self, certificates: Iterable[ListedCertificate]
    ) -> None:
        """Record of which unknown certificates a person is told."""
        strangers = tuple(
            RememberedCertificate.from_ids(item.zone_id, item.own_ids)
            for item in certificates
        )
        if strangers != self._strangers:
            self._strangers = strangers
            await self._async_save()

    async def async_confirm(
        self,
        devices: Mapping[str, str | None],
        certificates: Iterable[Certificate] = (),
    ) -> None:
        """Record the device of each certificate that a person confirmed, by fingerprint.

        Those that are given whole are no longer taken for revoked, nor for replaced.
        """
        self._confirmed |= devices
        for device_id in filter(None, devices.values()):
            self._in_use.pop(device_id, None)
        for certificate in certificates:
            self._revoked.difference_update(certificate.own_ids)
            self._want(certificate, devices[certificate.facts.fingerprint_sha256])
        await self._async_save()

    async def async_note_wanted(
        self, certificate: Certificate, device_id: str | None
    ) -> None:
        """Note that a person wants a certificate, whatever has replaced it."""
        self._want(certificate, device_id)
        await self._async_save()

    def _want(self, certificate: Certificate, device_id: str | None) -> None:
        """Note that a certificate replaces no other one, and none replaces it: a person wants it.

        Its device may use another one by now.
        """
        facts = certificate.facts
        record = self._records.get(certificate.id)
        if device_id and (
            record is None or record.fingerprint != facts.fingerprint_sha256
        ):
            record = Record(
                fingerprint=facts.fingerprint_sha256,
                device_id=device_id,
                created_on=facts.issued_on,
                taken_on=facts.issued_on,
            )
            self._add(certificate.id, record)
        if certificate.id in self._records:
            self._note(certificate.id, restored_on=dt_util.utcnow())

    async def async_mark_unwanted(self, item_ids: Collection[str]) -> None:
        """Record that certificates have to be revoked once they are seen."""
        if self._mark_unwanted(item_ids):
            await self._async_save()

    def _mark_unwanted(self, item_ids: Collection[str]) -> bool:
        """Note that certificates have to be revoked; return whether some did not have to before."""
        self._revocations.update(item_ids)
        self._ordered_at |= dict.fromkeys(item_ids, Moment.now())
        new = set(item_ids) - self._unwanted.keys()
        self._unwanted |= dict.fromkeys(new, dt_util.utcnow().isoformat())
        return bool(new)

    async def async_order_with_removal(self, item_ids: Collection[str]) -> None:
        """Record which certificates are unwanted once a removal, of which there is one at a time, is complete.

        Until then none of them is unwanted because of it: a removal that fails takes back no order
        that somebody else gave meanwhile.
        """
        if item_ids:
            self._ordered_with_removal = frozenset(item_ids)
            await self._async_save()

    async def async_end_removal(self, *, is_complete: bool) -> None:
        """Record that a removal has ended, and whether no hostname is left."""
        ordered, self._ordered_with_removal = self._ordered_with_removal, frozenset()
        if ordered:
            if is_complete:
                self._mark_unwanted(ordered)
            await self._async_save()

    async def async_end_interrupted_removal(self, *, is_complete: bool) -> None:
        """End the removal during which Home Assistant stopped, if it did."""
        if self._is_removal_interrupted:
            self._is_removal_interrupted = False
            await self.async_end_removal(is_complete=is_complete)

    async def async_order_revocation(
        self, certificate_id: str, item_ids: Collection[str]
    ) -> None:
        """Record that a certificate has to be revoked, whose ids are these.

        One that was never unknown here is met with the order: without that, its id would be taken
        for that of a key.
        """
        if not self.knows(certificate_id):
            self._seen.add(certificate_id)
        await self.async_mark_unwanted(item_ids)

    async def async_forget_unwanted(self, item_ids: Collection[str]) -> None:
        """Record that these certificates are revoked, or wanted after all."""
        if found := self._unwanted.keys() & item_ids:
            for item_id in found:
                del self._unwanted[item_id]
            await self._async_save()

    async def async_record_revoked(self, item_ids: Collection[str]) -> None:
        """Record that certificates are revoked, here or elsewhere."""
        if item_ids:
            for item_id in item_ids:
                self._unwanted.pop(item_id, None)
            self._revoked.update(item_ids)
            self._ends |= dict.fromkeys(item_ids, dt_util.utcnow())
            await self._async_save()

    async def async_record_revoked_here(self, item_ids: Collection[str]) -> None:
        """Record that Cloudflare has revoked certificates because it was asked to."""
        self._revoked_here |= dict.fromkeys(item_ids, dt_util.utcnow())
        for item_id in item_ids:
            self._perhaps_restored.pop(item_id, None)
        await self.async_record_revoked(item_ids)

    async def async_forget_revoked(self, item_ids: Collection[str]) -> None:
        """Record that a person wants these certificates back, and Cloudflare has restored them."""
        self._revoked.difference_update(item_ids)
        for item_id in item_ids:
            self._perhaps_restored.pop(item_id, None)
        await self._async_save()

    async def _async_save(self) -> None:
        await self._store.async_save(
            {
                "records": {
                    certificate_id: record.as_data()
                    for certificate_id, record in self._records.items()
                },
                "places": {
                    certificate_id: asdict(record.places)
                    for certificate_id, record in self._records.items()
                },
                "told": dict(self._told),
                "known": sorted(self._seen),
                "in_use": dict(self._in_use),
                "revoked_here": {
                    item_id: on.isoformat()
                    for item_id, on in self._revoked_here.items()
                },
                "perhaps_restored": {
                    certificate_id: on.isoformat()
                    for certificate_id, on in self._perhaps_restored.items()
                },
                "strangers": [
                    {"zone_id": item.zone_id, "ids": list(item.remembered_ids)}
                    for item in self._strangers
                ],
                "unknown": sorted(self._unknown),
                "confirmed": dict(self._confirmed),
                "confirmed_ids": dict(self._confirmed_ids),
                "unwanted": dict(self._unwanted),
                "ordered_with_removal": sorted(self._ordered_with_removal),
                "revoked": sorted(self._revoked),
                "ends": {
                    item_id: end.isoformat() for item_id, end in self._ends.items()
                },
            }
        )


def _read_records(stored: Mapping[str, Any]) -> dict[str, Record]:
    places: Mapping[str, Mapping[str, int]] = stored["places"]
    records = {
        certificate_id: replace(
            Record.from_data(data),
            places=Places(**known_fields(Places, places.get(certificate_id, {}))),
        )
        for certificate_id, data in stored["records"].items()
    }
    # Earlier versions stored no place of a creation.
    if all(record.places.creation for record in records.values()):
        return records
    return in_order_of_times(records)


class _LedgerStore(AccountStore[dict[str, Any]]):
    """What is stored of a ledger."""

    @override
    async def _async_migrate_func(
        self,
        old_major_version: int,
        old_minor_version: int,
        old_data: dict[str, Any],
    ) -> dict[str, Any]:
        """Keep what was told, but no trust: a person is asked again.

        Where only the minor version differs, a later one stored more; nothing is lost.
        """
        if old_major_version == self.version:
            return old_data
        kept = ("told", "known", "unwanted", "revoked")
        return {key: old_data[key] for key in kept if key in old_data}


async def async_get_ledger(hass: HomeAssistant, entry_id: str) -> Ledger:
    """Return the ledger of an account."""
    store = _store(hass, entry_id)
    return await async_get_once(hass, _LEDGERS, entry_id, store, Ledger)


async def async_remove_ledger(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is stored of an account."""
    await async_remove_once(hass, _LEDGERS, entry_id, _store(hass, entry_id))


def _store(hass: HomeAssistant, entry_id: str) -> _LedgerStore:
    return _LedgerStore(hass, _VERSION, f"{DOMAIN}.{entry_id}.certificates")
