"""What only Home Assistant knows of certificates; nothing in it is secret."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.certificates.lifecycle import Standing
from ..engine.certificates.records import Record

_VERSION = 1
_LEDGERS: HassKey[dict[str, Ledger]] = HassKey(f"{DOMAIN}_ledgers")


class Ledger:
    """The records of an account's certificates, and what was told about them.

    Accepted are certificates from elsewhere that a person knows of.
    """

    def __init__(
        self, store: Store[dict[str, Any]], stored: dict[str, Any] | None
    ) -> None:
        """Take what was stored."""
        self._store = store
        stored = stored or {"records": {}, "told": {}, "known": [], "accepted": []}
        self._records = {
            certificate_id: Record.from_data(data)
            for certificate_id, data in stored["records"].items()
        }
        self._told = {
            certificate_id: Standing(value)
            for certificate_id, value in stored["told"].items()
        }
        self._seen: set[str] = set(stored["known"])
        self._accepted: set[str] = set(stored["accepted"])

    @property
    def records(self) -> Mapping[str, Record]:
        """Return the records of the certificates that were created here, by their ids."""
        return self._records

    def told(self, certificate_id: str) -> Standing | None:
        """Return the standing of a certificate that automations were last told."""
        return self._told.get(certificate_id)

    def is_accepted(self, certificate_id: str) -> bool:
        """Return whether a person accepted a certificate from elsewhere."""
        return certificate_id in self._accepted

    async def async_add(self, certificate_id: str, record: Record) -> None:
        """Record a new certificate."""
        self._records[certificate_id] = record
        await self._async_save()

    async def async_note(self, certificate_id: str, **changes: Any) -> None:
        """Record what happened to a certificate that was created here, by the record's fields."""
        if record := self._records.get(certificate_id):
            self._records[certificate_id] = replace(record, **changes)
            await self._async_save()

    async def async_record_told(self, standings: dict[str, Standing]) -> None:
        """Record the standings of certificates that automations are told."""
        if not standings.items() <= self._told.items():
            self._told |= standings
            await self._async_save()

    async def async_record_seen(self, certificate_ids: Iterable[str]) -> list[str]:
        """Record certificates from elsewhere, and return those that were not seen before."""
        new = sorted(set(certificate_ids) - self._seen)
        if new:
            self._seen.update(new)
            await self._async_save()
        return new

    async def async_accept(self, certificate_ids: Collection[str]) -> None:
        """Record that a person accepted these certificates from elsewhere."""
        self._accepted.update(certificate_ids)
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
                "accepted": sorted(self._accepted),
            }
        )


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


def _store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    return Store(hass, _VERSION, f"{DOMAIN}.{entry_id}.certificates")
