"""What was removed from Home Assistant, and still has to go at Cloudflare.

Hostnames have to be taken down, and the certificates of companion devices revoked. Home
Assistant tells nobody that a subentry was removed, perhaps while Cloudflare was out of reach:
what was there before is stored, without anything secret, and compared with what is there now.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..const import CONF_ZONE_ID, DOMAIN
from ..engine.api.models import Observation
from ..engine.rules.marks import RECORD_COMMENT
from ..engine.sync.settings import HostnameSettings
from ..engine.sync.steps import address_record
from ..subentries import (
    companion_data,
    companions_of,
    hostname_data,
    hostnames_of,
    read_hostname_settings,
)

_VERSION = 1
_NOTHING: Final[Mapping[str, dict[str, Any]]] = {"hostnames": {}, "devices": {}}


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


@dataclass(frozen=True, kw_only=True)
class Buried:
    """What was removed: hostnames, and companion devices by id with the zone of each."""

    hostnames: tuple[Tombstone, ...]
    devices: Mapping[str, str]


async def async_bury(
    hass: HomeAssistant, entry_id: str, subentries: Mapping[str, ConfigSubentry]
) -> Buried:
    """Return which hostnames and devices are gone, and store which are there."""
    store = _store(hass, entry_id)
    known = await store.async_load() or _NOTHING
    hostnames = _bury(
        known["hostnames"],
        {
            item.hostname: hostname_data(item)
            for item in hostnames_of(subentries).values()
        },
    )
    devices = _bury(
        known["devices"],
        {item.id: companion_data(item) for item in companions_of(subentries).values()},
    )
    if (current := {"hostnames": hostnames, "devices": devices}) != known:
        await store.async_save(current)
    return Buried(
        hostnames=tuple(
            Tombstone(
                settings=read_hostname_settings(item["settings"]),
                removed_at=datetime.fromisoformat(item["removed_at"]),
            )
            for item in hostnames.values()
            if item["removed_at"]
        ),
        devices={
            device_id: item["settings"][CONF_ZONE_ID]
            for device_id, item in devices.items()
            if item["removed_at"]
        },
    )


def _bury(
    known: Mapping[str, dict[str, Any]], present: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return what is there, and what is gone with the moment when that was noticed."""
    now = dt_util.utcnow().isoformat()
    gone = {
        key: {**item, "removed_at": item["removed_at"] or now}
        for key, item in known.items()
        if key not in present
    }
    there = {
        key: {"settings": settings, "removed_at": None}
        for key, settings in present.items()
    }
    return there | gone


async def async_clear_hostnames(
    hass: HomeAssistant, entry_id: str, hostnames: Collection[str]
) -> None:
    """Forget hostnames that are taken down."""
    await _clear(hass, entry_id, "hostnames", hostnames)


async def async_clear_devices(
    hass: HomeAssistant, entry_id: str, device_ids: Collection[str]
) -> None:
    """Forget devices whose certificates are revoked."""
    await _clear(hass, entry_id, "devices", device_ids)


async def _clear(
    hass: HomeAssistant, entry_id: str, kind: str, keys: Collection[str]
) -> None:
    store = _store(hass, entry_id)
    known = await store.async_load() or _NOTHING
    kept = {key: item for key, item in known[kind].items() if key not in keys}
    await store.async_save({**known, kind: kept})


async def async_forget_removed(hass: HomeAssistant, entry_id: str) -> None:
    """Forget an account whole."""
    await _store(hass, entry_id).async_remove()


def _store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    return Store(hass, _VERSION, f"{DOMAIN}.{entry_id}")
