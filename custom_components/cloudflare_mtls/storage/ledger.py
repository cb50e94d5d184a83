"""What Home Assistant alone knows of certificates: Cloudflare cannot tell it, and nothing in it is secret."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
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
    """The records of an account's certificates, and what a person was told of them."""

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
        self._known: set[str] = set(stored["known"])
        self._accepted: set[str] = set(stored["accepted"])

    @property
    def records(self) -> Mapping[str, Record]:
        """Return the records of the certificates that were created here, by their ids."""
        return self._records

    def told(self, certificate_id: str) -> Standing | None:
        """Return what automations were last told of a certificate."""
        return self._told.get(certificate_id)

    def is_accepted(self, certificate_id: str) -> bool:
        """Tell whether a person knows of a certificate that was made elsewhere."""
        return certificate_id in self._accepted

    async def async_add(self, certificate_id: str, record: Record) -> None:
        """Keep that a certificate was created."""
        self._records[certificate_id] = record
        await self._async_save()

    async def async_note(self, certificate_id: str, **changes: datetime) -> None:
        """Keep what came of a certificate that was created here."""
        if record := self._records.get(certificate_id):
            self._records[certificate_id] = replace(record, **changes)
            await self._async_save()

    async def async_tell(self, standings: dict[str, Standing]) -> None:
        """Keep what automations are told of certificates."""
        if not standings.items() <= self._told.items():
            self._told |= standings
            await self._async_save()

    async def async_meet(self, certificate_ids: Iterable[str]) -> list[str]:
        """Keep which certificates from elsewhere are there, and return the new ones."""
        new = sorted(set(certificate_ids) - self._known)
        if new:
            self._known.update(new)
            await self._async_save()
        return new

    async def async_accept(self, certificate_ids: Collection[str]) -> None:
        """Keep that a person knows of these certificates from elsewhere."""
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
                "known": sorted(self._known),
                "accepted": sorted(self._accepted),
            }
        )


async def async_get_ledger(hass: HomeAssistant, entry_id: str) -> Ledger:
    """Return the ledger of an account: one, also while its entry is set up again."""
    ledgers = hass.data.setdefault(_LEDGERS, {})
    if (ledger := ledgers.get(entry_id)) is None:
        store = _store(hass, entry_id)
        # Another may have been faster while this one was read.
        ledger = ledgers.setdefault(entry_id, Ledger(store, await store.async_load()))
    return ledger


async def async_forget_ledger(hass: HomeAssistant, entry_id: str) -> None:
    """Forget an account whole."""
    hass.data.get(_LEDGERS, {}).pop(entry_id, None)
    await _store(hass, entry_id).async_remove()


def _store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    return Store(hass, _VERSION, f"{DOMAIN}.{entry_id}.certificates")
