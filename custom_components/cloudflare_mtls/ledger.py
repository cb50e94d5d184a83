"""What Home Assistant alone knows of certificates: Cloudflare cannot tell it, and nothing in it is secret."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .edge.lifecycle import Standing

_VERSION = 1
_LEDGERS: HassKey[dict[str, Ledger]] = HassKey(f"{DOMAIN}_ledgers")


@dataclass(frozen=True, kw_only=True)
class Record:
    """What came of a certificate after it was minted here.

    Taken is when the device fetched it, proven when it reached Home Assistant with it; from
    revoke_old_on at the latest the device's older certificates are revoked.
    """

    minted_on: datetime
    taken_on: datetime | None = None
    proven_on: datetime | None = None
    restored_on: datetime | None = None
    revoke_old_on: datetime | None = None

    def took_over(self, now: datetime) -> datetime | None:
        """Return when the device's older certificates had to end, if they had to by now."""
        if self.proven_on:
            return self.proven_on
        due = self.revoke_old_on
        return due if due and due <= now else None

    @classmethod
    def from_data(cls, data: dict[str, str]) -> Self:
        """Read what was stored."""
        return cls(
            **{key: datetime.fromisoformat(value) for key, value in data.items()}
        )

    def as_data(self) -> dict[str, str]:
        """Return what is stored."""
        return {key: value.isoformat() for key, value in asdict(self).items() if value}


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

    def record(self, certificate_id: str) -> Record | None:
        """Return the record of a certificate that was minted here."""
        return self._records.get(certificate_id)

    def told(self, certificate_id: str) -> Standing | None:
        """Return what automations were last told of a certificate."""
        return self._told.get(certificate_id)

    def is_accepted(self, certificate_id: str) -> bool:
        """Tell whether a person knows of a certificate that was made elsewhere."""
        return certificate_id in self._accepted

    async def async_add(self, certificate_id: str, record: Record) -> None:
        """Keep that a certificate was minted."""
        self._records[certificate_id] = record
        await self._async_save()

    async def async_note(self, certificate_id: str, **changes: datetime) -> None:
        """Keep what came of a certificate that was minted here."""
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


async def async_get_ledger(hass: HomeAssistant, entry: ConfigEntry) -> Ledger:
    """Return the ledger of an account: one, also while its entry is set up anew."""
    ledgers = hass.data.setdefault(_LEDGERS, {})
    if (ledger := ledgers.get(entry.entry_id)) is None:
        store = _store(hass, entry)
        # Another may have been faster while this one was read.
        ledger = ledgers.setdefault(
            entry.entry_id, Ledger(store, await store.async_load())
        )
    return ledger


async def async_forget_ledger(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Forget an account whole."""
    hass.data.get(_LEDGERS, {}).pop(entry.entry_id, None)
    await _store(hass, entry).async_remove()


def _store(hass: HomeAssistant, entry: ConfigEntry) -> Store[dict[str, Any]]:
    return Store(hass, _VERSION, f"{DOMAIN}.{entry.entry_id}.certificates")
