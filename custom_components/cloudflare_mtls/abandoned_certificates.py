"""Tells which certificates were still to be revoked when their account was removed: nobody does it any more."""

from collections.abc import Iterator, Mapping

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .issues import Issue
from .quoting import listed
from .storage.ledger import Ledger, async_get_ledger
from .storage.tombstones import async_get_tombstones
from .subentries import companions_of


async def async_leave_certificates(
    hass: HomeAssistant, entry: ConfigEntry
) -> list[Issue]:
    """Return the issue for the certificates of a removed account that may still be valid."""
    ledger = await async_get_ledger(hass, entry.entry_id)
    tombstones = await async_get_tombstones(hass, entry.entry_id)
    removed = {key: item.name for key, item in tombstones.devices.items()}
    present = {item.id: item.name for item in companions_of(entry.subentries).values()}
    names = {*removed.values(), *_unwanted(ledger, present | removed)}
    if not names:
        return []
    return [
        Issue(
            id="certificates_stay",
            translation_key="certificates_stay",
            placeholders={
                "account": entry.title,
                "certificates": listed(sorted(names)),
            },
            severity=ir.IssueSeverity.WARNING,
            is_persistent=True,
        )
    ]


def _unwanted(ledger: Ledger, devices: Mapping[str, str]) -> Iterator[str]:
    """Yield the devices whose certificates are unwanted, and the ids of those that are of none."""
    device_ids = {
        **{key: record.device_id for key, record in ledger.records.items()},
        **{item.fingerprint: item.device_id for item in ledger.records.values()},
        **ledger.confirmed,
        **{
            item: ledger.confirmed.get(key)
            for key, item in ledger.confirmed_ids.items()
        },
    }
    for item_id in filter(ledger.knows, ledger.unwanted):
        yield devices.get(device_ids.get(item_id) or "", item_id)
