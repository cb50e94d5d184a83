"""What the edge told of the use of certificates, also across restarts."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.certificates.uses import Apps, DeviceUse
from .once import AccountStore, OnceKey, async_get_once, async_remove_once

_VERSION: Final = 1
_USES: OnceKey[Uses] = HassKey(f"{DOMAIN}_uses")

# An app sends several requests a minute, and nobody needs to know the second.
_PRECISION: Final = timedelta(minutes=1)
# Home Assistant also stores it when it stops.
_STORED_AFTER: Final = timedelta(minutes=15)
_NO_APPS: Final = Apps()


class Uses:
    """When each certificate of an account was last used, by which apps, and which one each device used last."""

    def __init__(
        self, store: AccountStore[dict[str, Any]], stored: Mapping[str, Any] | None
    ) -> None:
        """Take what was stored."""
        self._store = store
        self._is_stored = True
        stored = stored or {"certificates": {}, "devices": {}, "told": {}}
        self._last = {
            fingerprint: datetime.fromisoformat(on)
            for fingerprint, on in stored["certificates"].items()
        }
        self._in_use: dict[str, str] = dict(stored["devices"])
        # A former version did not store them.
        self._apps = {
            fingerprint: Apps(tuple(item["recent"]), frozenset(item["sharing"]))
            for fingerprint, item in stored.get("apps", {}).items()
        }
        self._told = {
            hostname: datetime.fromisoformat(since)
            for hostname, since in stored["told"].items()
        }

    def is_news(self, fingerprint: str, now: datetime) -> bool:
        """Return whether nobody used a certificate, by SHA-256 fingerprint, a moment ago."""
        last = self._last.get(fingerprint)
        # The clock may have been set back.
        return last is None or abs(now - last) >= _PRECISION

    def last_use(self, fingerprint: str) -> datetime | None:
        """Return when a certificate was last used, by SHA-256 fingerprint."""
        return self._last.get(fingerprint)

    def of_device(self, device_id: str) -> DeviceUse:
        """Return what a companion device used last, by our own id."""
        fingerprint = self._in_use.get(device_id)
        if fingerprint is None:
            return DeviceUse()
        return DeviceUse(last_seen=self._last[fingerprint], fingerprint=fingerprint)

    def sharing(self, fingerprint: str) -> frozenset[str]:
        """Return the companion apps that use a certificate in turn, by their devices' ids."""
        return self._apps.get(fingerprint, _NO_APPS).sharing

    @property
    def told_since(self) -> Mapping[str, datetime]:
        """Return since when the edge is heard of each hostname, without a gap."""
        return self._told

    @callback
    def async_hear(self, hostname: str, now: datetime) -> None:
        """Note that the edge's word of a request to a hostname arrived."""
        if hostname not in self._told:
            self._told[hostname] = now
            self._save_later()

    @callback
    def async_keep_told(self, hostnames: Collection[str]) -> None:
        """Forget when the edge was heard of other hostnames than those that it tells of now."""
        if gone := self._told.keys() - set(hostnames):
            for hostname in gone:
                del self._told[hostname]
            self._save_later()

    @callback
    def async_note(self, device_id: str, fingerprint: str, now: datetime) -> None:
        """Note that a device uses a certificate now."""
        self._last[fingerprint] = now
        self._in_use[device_id] = fingerprint
        self._save_later()

    @callback
    def async_note_app(self, fingerprint: str, app_id: str) -> bool:
        """Note that an app uses a certificate now; return whether that shows more that share it."""
        before = self._apps.get(fingerprint, _NO_APPS)
        after = before.after(app_id)
        if after != before:
            self._apps[fingerprint] = after
            self._save_later()
        return after.sharing != before.sharing

    async def async_remove(self) -> None:
        """Remove what is stored, and what is about to be."""
        await self._store.async_remove()

    def _save_later(self) -> None:
        if self._is_stored:
            self._is_stored = False
            self._store.async_delay_save(self._data, _STORED_AFTER.total_seconds())

    @callback
    def _data(self) -> dict[str, Any]:
        self._is_stored = True
        return {
            "certificates": {item: on.isoformat() for item, on in self._last.items()},
            "devices": dict(self._in_use),
            "apps": {
                fingerprint: {
                    "recent": list(item.recent),
                    "sharing": sorted(item.sharing),
                }
                for fingerprint, item in self._apps.items()
            },
            "told": {item: since.isoformat() for item, since in self._told.items()},
        }


async def async_get_uses(hass: HomeAssistant, entry_id: str) -> Uses:
    """Return when the certificates of an account were last used."""
    return await async_get_once(hass, _USES, entry_id, _store(hass, entry_id), Uses)


async def async_remove_uses(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is stored of an account."""
    await (await async_get_uses(hass, entry_id)).async_remove()
    await async_remove_once(hass, _USES, entry_id, _store(hass, entry_id))


def _store(hass: HomeAssistant, entry_id: str) -> AccountStore[dict[str, Any]]:
    return AccountStore(hass, _VERSION, f"{DOMAIN}.{entry_id}.uses")
