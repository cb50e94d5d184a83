"""Hostnames that were removed from Home Assistant, and still have to be taken down.

Home Assistant tells nobody that a subentry was removed, perhaps while Cloudflare was out of
reach: what was there before is stored, without anything secret, and compared with what is
there now.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .edge.desired import RECORD_COMMENT
from .edge.models import Observation
from .edge.steps import address_record
from .hostnames import HostnameSettings, hostnames_of

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """A removed hostname as it was, and when it went."""

    settings: HostnameSettings
    removed_at: datetime

    def is_outlived_in(self, observation: Observation) -> bool:
        """Tell whether somebody has made the hostname anew: a restored backup may be too old."""
        record = address_record(observation.records, self.settings.hostname)
        return (
            record is not None
            and record.comment == RECORD_COMMENT
            and record.created_on is not None
            and record.created_on > self.removed_at
        )


async def async_bury(hass: HomeAssistant, entry: ConfigEntry) -> tuple[Tombstone, ...]:
    """Return a tombstone for every hostname that is gone, and remember those that are there."""
    store = _store(hass, entry)
    known = await store.async_load() or {}
    now = dt_util.utcnow().isoformat()
    present = {
        item.hostname: {"settings": item.as_data(), "removed_at": None}
        for item in hostnames_of(entry).values()
    }
    gone = {
        hostname: {**item, "removed_at": item["removed_at"] or now}
        for hostname, item in known.items()
        if hostname not in present
    }
    if (current := present | gone) != known:
        await store.async_save(current)
    return tuple(
        Tombstone(
            settings=HostnameSettings.from_data(item["settings"]),
            removed_at=datetime.fromisoformat(item["removed_at"]),
        )
        for item in gone.values()
    )


async def async_clear(
    hass: HomeAssistant, entry: ConfigEntry, hostnames: Iterable[str]
) -> None:
    """Forget hostnames that are taken down."""
    store = _store(hass, entry)
    known = await store.async_load() or {}
    await store.async_save(
        {
            hostname: item
            for hostname, item in known.items()
            if hostname not in hostnames
        }
    )


async def async_forget(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Forget an account whole."""
    await _store(hass, entry).async_remove()


def _store(hass: HomeAssistant, entry: ConfigEntry) -> Store[dict[str, Any]]:
    return Store(hass, _VERSION, f"{DOMAIN}.{entry.entry_id}")
