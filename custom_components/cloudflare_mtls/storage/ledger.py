"""What only Home Assistant knows of certificates; nothing in it is secret."""

from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Unpack, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.certificates.lifecycle import Standing
from ..engine.certificates.records import Changes, Record

# Version 1 held no fingerprints: what it says of a certificate could be said of any.
_VERSION = 2
_LEDGERS: HassKey[dict[str, Ledger]] = HassKey(f"{DOMAIN}_ledgers")


class Ledger:
    """The records of an account's certificates, and what was told about them.

    What a person confirmed is kept by fingerprint, not by anything that a certificate says.
    """

    def __init__(
        self, store: Store[dict[str, Any]], stored: dict[str, Any] | None
    ) -> None:
        """Take what was stored."""
        self._store = store
        stored = stored or {"records": {}, "told": {}, "known": [], "confirmed": {}}
        self._records = {
            certificate_id: Record.from_data(data)
            for certificate_id, data in stored["records"].items()
        }
        self._told = {
            certificate_id: Standing(value)
            for certificate_id, value in stored["told"].items()
        }
        self._seen: set[str] = set(stored["known"])
        self._public_keys: set[bytes] = set()
        self._confirmed: dict[str, str | None] = dict(stored["confirmed"])

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
    def public_keys(self) -> Collection[bytes]:
        """Return the public keys, as DER, of the certificates that are being created now."""
        return self._public_keys

    @contextmanager
    def creating(self, public_key: bytes) -> Generator[None]:
        """Know a certificate by its key: Cloudflare may list it before it has a record."""
        self._public_keys.add(public_key)
        try:
            yield
        finally:
            self._public_keys.remove(public_key)

    def told(self, certificate_id: str) -> Standing | None:
        """Return the standing of a certificate that automations were last told."""
        return self._told.get(certificate_id)

    async def async_add(self, certificate_id: str, record: Record) -> None:
        """Record a new certificate."""
        self._records[certificate_id] = record
        await self._async_save()

    async def async_note(self, certificate_id: str, **changes: Unpack[Changes]) -> None:
        """Record when something happened to a certificate that was created here."""
        if record := self._records.get(certificate_id):
            self._records[certificate_id] = replace(record, **changes)
            await self._async_save()

    async def async_record_told(self, standings: dict[str, Standing]) -> None:
        """Record the standings of certificates that automations are told."""
        if not standings.items() <= self._told.items():
            self._told |= standings
            await self._async_save()

    async def async_record_seen(self, certificate_ids: Iterable[str]) -> list[str]:
        """Record unknown certificates, and return those that were not seen before."""
        new = sorted(set(certificate_ids) - self._seen)
        if new:
            self._seen.update(new)
            await self._async_save()
        return new

    async def async_confirm(self, devices: Mapping[str, str | None]) -> None:
        """Record the device of each certificate that a person confirmed, by fingerprint."""
        self._confirmed |= devices
        await self._async_save()

    async def _async_save(self) -> None:
        await self._store.async_save(
            {
                "records": {
                    certificate_id: record.as_data()
                    for certificate_id, record in self._records.items()
                },
                "told": dict(self._told),
                "known": sorted(self._seen),
                "confirmed": dict(self._confirmed),
            }
        )


class _LedgerStore(Store[dict[str, Any]]):
    """What is stored of a ledger."""

    @override
    async def _async_migrate_func(
        self,
        old_major_version: int,
        old_minor_version: int,
        old_data: dict[str, Any],
    ) -> dict[str, Any]:
        """Keep what was told, but no trust: a person is asked again."""
        kept = {"told": old_data["told"], "known": old_data["known"]}
        return {**kept, "records": {}, "confirmed": {}}


async def async_get_ledger(hass: HomeAssistant, entry_id: str) -> Ledger:
    """Return the ledger of an account: always the same one, also when its entry is reloaded."""
    ledgers = hass.data.setdefault(_LEDGERS, {})
    if (ledger := ledgers.get(entry_id)) is None:
        store = _store(hass, entry_id)
        # Another caller may have loaded it meanwhile.
        ledger = ledgers.setdefault(entry_id, Ledger(store, await store.async_load()))
    return ledger


async def async_remove_ledger(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is stored of an account."""
    hass.data.get(_LEDGERS, {}).pop(entry_id, None)
    await _store(hass, entry_id).async_remove()


def _store(hass: HomeAssistant, entry_id: str) -> _LedgerStore:
    return _LedgerStore(hass, _VERSION, f"{DOMAIN}.{entry_id}.certificates")
