"""What was removed from Home Assistant, and still has to go at Cloudflare; and whose records are ours.

Hostnames have to be taken down, and the certificates of companion devices revoked. Home
Assistant does not say that a subentry was removed, and it may happen while Cloudflare is out
of reach. So what is configured is stored, without anything secret, and compared with what is
configured later.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import CONF_TUNNEL_ID, CONF_ZONE_ID, DOMAIN
from ..engine.sync.settings import HostnameSettings
from ..subentries import (
    companion_data,
    companions_of,
    hostname_data,
    hostnames_of,
    read_hostname_settings,
)
from .once import AccountStore, OnceKey, async_get_once, async_remove_once

_VERSION: Final = 1
_DOWN: Final = "down"
_FILES: Final = "files"
_LET_GO: Final = "let_go"
_MARKED: Final = "marked"
_ORDERED: Final = "ordered"
_RECORD: Final = "record"
_RELEASED: Final = "released"
_TURNED_OFF: Final = "turned_off"

_TOMBSTONES: OnceKey[Tombstones] = HassKey(f"{DOMAIN}_tombstones")

type _Items = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """A removed hostname as it was, and when its removal was noticed.

    record_id: the DNS record that it had while it was configured, None if that was never seen.
    """

    settings: HostnameSettings
    removed_at: datetime
    record_id: str | None


@dataclass(frozen=True, kw_only=True)
class RemovedDevice:
    """A removed companion device: its name, and its zone, None once that was forgotten."""

    name: str
    zone_id: str | None


class Tombstones:
    """The hostnames and companion devices of an account, present and removed."""

    def __init__(
        self, store: AccountStore[dict[str, Any]], stored: Mapping[str, _Items] | None
    ) -> None:
        """Take what was stored.

        interrupted: the subentries of the hostnames that were being removed, or were opened, when
            Home Assistant stopped; it may not have stored that they are gone.
        """
        self._store = store
        self._stored = stored or {"hostnames": {}, "devices": {}}
        hostnames = self._stored["hostnames"].values()
        self.interrupted: Final = frozenset(
            item[mark]
            for item in hostnames
            for mark in (_ORDERED, _LET_GO)
            if mark in item
        )

    @property
    def hostnames(self) -> Mapping[str, Tombstone]:
        """Return the removed hostnames."""
        return {
            hostname: Tombstone(
                settings=read_hostname_settings(item["settings"]),
                removed_at=datetime.fromisoformat(item["removed_at"]),
                record_id=item.get(_RECORD),
            )
            for hostname, item in self._stored["hostnames"].items()
            if item["removed_at"] and _LET_GO not in item
        }

    @property
    def configured(self) -> Mapping[str, str]:
        """Return the zones of the hostnames that are not removed."""
        return {
            hostname: item["settings"][CONF_ZONE_ID]
            for hostname, item in self._stored["hostnames"].items()
            if not item["removed_at"]
        }

    @property
    def devices(self) -> Mapping[str, RemovedDevice]:
        """Return the removed companion devices, by our ids."""
        return {
            device_id: RemovedDevice(
                name=item["settings"][CONF_NAME], zone_id=item["settings"][CONF_ZONE_ID]
            )
            for device_id, item in self._stored["devices"].items()
            if item["removed_at"]
        }

    @property
    def may_be_published(self) -> frozenset[str]:
        """Return the hostnames, removed or turned off, that were not seen to be off the internet."""
        return frozenset(
            hostname
            for hostname, item in self._stored["hostnames"].items()
            if _is_off(item) and _LET_GO not in item and not item.get(_DOWN)
        )

    @property
    def released(self) -> frozenset[tuple[str, str]]:
        """Return the removed hostnames that the file of their tunnel does not name any more, each with it."""
        return frozenset(
            (hostname, item["settings"][CONF_TUNNEL_ID])
            for hostname, item in self._stored["hostnames"].items()
            if item.get(_RELEASED)
        )

    @property
    def files(self) -> Mapping[str, Mapping[str, str]]:
        """Return the service of each hostname in files of local tunnels that may name it, by these tunnels.

        What becomes of a hostname here changes no file: they are remembered until a person says so.
        """
        # Most accounts, and those of former versions, have none.
        return self._stored.get(_FILES, {})

    @property
    def not_released(self) -> Mapping[str, HostnameSettings]:
        """Return the hostnames, present and removed, that the file of their tunnel may name."""
        return {
            hostname: read_hostname_settings(item["settings"])
            for hostname, item in self._stored["hostnames"].items()
            if not item.get(_RELEASED)
        }

    async def async_note_files(self, files: Mapping[str, Mapping[str, str]]) -> None:
        """Remember which files may name hostnames, and forget all others."""
        named = {hostname: services for hostname, services in files.items() if services}
        await self._async_keep({**self._stored, _FILES: named})

    async def async_note_ordered(self, subentry_ids: Mapping[str, str]) -> None:
        """Remember which hostnames a person ordered to be removed.

        The order is for their subentries: a person may set the same hostname up again later.
        """
        items = {
            name: {**item, _ORDERED: subentry_ids[name]}
            if name in subentry_ids
            else item
            for name, item in self._stored["hostnames"].items()
        }
        await self._async_keep({**self._stored, "hostnames": items})

    async def async_note_kept(self, hostnames: Collection[str]) -> None:
        """Remember that hostnames stay whose removal was ordered."""
        items = {
            name: {key: value for key, value in item.items() if key != _ORDERED}
            if name in hostnames
            else item
            for name, item in self._stored["hostnames"].items()
        }
        await self._async_keep({**self._stored, "hostnames": items})

    async def async_note_let_go(self, hostname: str, subentry_id: str | None) -> None:
        """Remember that a hostname is open to everybody: once it is removed, nothing is taken down.

        subentry_id: its subentry, None if that was removed before.
        """
        known = self._stored["hostnames"]
        if subentry_id is None:
            kept = _without(known, {hostname})
        else:
            kept = {**known, hostname: {**known[hostname], _LET_GO: subentry_id}}
        await self._async_keep({**self._stored, "hostnames": kept})

    @property
    def marked(self) -> frozenset[str]:
        """Return the hostnames, present and removed, whose DNS record was seen with our mark."""
        hostnames = self._stored["hostnames"].items()
        return frozenset(name for name, item in hostnames if item.get(_MARKED))

    async def async_note_records(
        self, record_ids: Mapping[str, str], marked: Collection[str]
    ) -> None:
        """Remember which DNS records hostnames have, and that those of these bear our mark."""
        items = {
            name: {
                **item,
                **({_RECORD: record_ids[name]} if name in record_ids else {}),
                **({_MARKED: True} if name in marked else {}),
            }
            for name, item in self._stored["hostnames"].items()
        }
        await self._async_keep({**self._stored, "hostnames": items})

    @property
    def turned_off(self) -> frozenset[str]:
        """Return the hostnames that were turned off while nobody could carry that out."""
        hostnames = self._stored["hostnames"].items()
        return frozenset(name for name, item in hostnames if item.get(_TURNED_OFF))

    async def async_note_turned_off(self, hostname: str) -> None:
        """Remember that a hostname has to be taken off the internet once the account is loaded."""
        hostnames = dict(self._stored["hostnames"])
        hostnames[hostname] = {**hostnames[hostname], _TURNED_OFF: True}
        await self._async_keep({**self._stored, "hostnames": hostnames})

    async def async_note_down(self, is_down: Mapping[str, bool]) -> None:
        """Remember of hostnames that were removed or turned off whether they are off the internet."""
        items = {
            name: {
                **_without_keys(item, (_TURNED_OFF,) if is_down[name] else ()),
                _DOWN: is_down[name],
            }
            if name in is_down and _is_off(item)
            else item
            for name, item in self._stored["hostnames"].items()
        }
        await self._async_keep({**self._stored, "hostnames": items})

    async def async_note_released(self, hostname: str, tunnel_id: str) -> None:
        """Remember that a person took a hostname out of a local tunnel's file."""
        hostnames = dict(self._stored["hostnames"])
        item = hostnames.get(hostname)
        is_own = item is not None and item["settings"][CONF_TUNNEL_ID] == tunnel_id
        if item and is_own:
            # It may have been set up again since; then its file names it.
            if not item["removed_at"]:
                return
            hostnames[hostname] = {**item, _RELEASED: True}
        left = dict(self.files.get(hostname, {}))
        left.pop(tunnel_id, None)
        files = {
            **_without(self.files, {hostname}),
            **({hostname: left} if left else {}),
        }
        await self._async_keep({**self._stored, "hostnames": hostnames, _FILES: files})

    async def async_update(
        self,
        subentries: Mapping[str, ConfigSubentry],
        without_file: Collection[str] = (),
    ) -> None:
        """Record what is configured now; what is no longer there counts as removed.

        The file of a tunnel that a hostname had before may still name it. Tunnels without a file
        are those that are known to have none.
        """
        hostnames = {
            item.hostname: hostname_data(item)
            for item in hostnames_of(subentries).values()
        }
        devices = {
            item.id: companion_data(item) for item in companions_of(subentries).values()
        }
        await self._async_keep(
            {
                **self._stored,
                "hostnames": self._update("hostnames", hostnames),
                "devices": self._update("devices", devices),
                _FILES: self._files_after(hostnames, without_file),
            }
        )

    def _update(self, kind: str, present: _Items) -> _Items:
        """Return what is present, and what is gone with the time when that was noticed."""
        known = self._stored[kind]
        now = dt_util.utcnow().isoformat()
        gone = {
            key: {**item, "removed_at": item["removed_at"] or now}
            for key, item in known.items()
            # What was opened before the start is gone for good by now.
            if key not in present and item.get(_LET_GO) not in self.interrupted
        }
        there = {
            key: {
                **_since_set_up(known.get(key, {}), settings),
                "settings": settings,
                "removed_at": None,
                _RELEASED: False,
            }
            for key, settings in present.items()
        }
        return there | gone

    def _files_after(self, present: _Items, without_file: Collection[str]) -> _Items:
        """Return the files that may name hostnames, with those of tunnels that a hostname had until now."""
        files = dict(self.files)
        for hostname, former in self.not_released.items():
            tunnel_id, service = former.protected.tunnel_id, former.protected.service
            now = present.get(hostname, {}).get(CONF_TUNNEL_ID, tunnel_id)
            if tunnel_id not in {now, *without_file}:
                files[hostname] = {tunnel_id: service, **files.get(hostname, {})}
        return files

    async def async_clear_hostnames(self, hostnames: Collection[str]) -> None:
        """Forget removed hostnames, but none that was set up again since."""
        gone = {name for name in hostnames if self._is_removed(name)}
        kept = _without(self._stored["hostnames"], gone)
        await self._async_keep({**self._stored, "hostnames": kept})

    async def async_note_written(self, hostnames: Collection[str]) -> None:
        """Count what is there by now as older than the removal of those hostnames that are removed."""
        now = dt_util.utcnow().isoformat()
        items = {
            name: {**item, "removed_at": now}
            if name in hostnames and item["removed_at"]
            else item
            for name, item in self._stored["hostnames"].items()
        }
        await self._async_keep({**self._stored, "hostnames": items})

    def _is_removed(self, hostname: str) -> bool:
        item = self._stored["hostnames"].get(hostname)
        return item is not None and bool(item["removed_at"])

    async def async_forget_zones(self, zone_ids: Collection[str]) -> None:
        """Forget in which zone removed devices were, where it is one of these."""
        devices = {
            device_id: {**item, "settings": {**item["settings"], CONF_ZONE_ID: None}}
            if item["removed_at"] and item["settings"][CONF_ZONE_ID] in zone_ids
            else item
            for device_id, item in self._stored["devices"].items()
        }
        await self._async_keep({**self._stored, "devices": devices})

    async def async_clear_devices(self, device_ids: Collection[str]) -> None:
        """Forget removed devices."""
        kept = _without(self._stored["devices"], device_ids)
        await self._async_keep({**self._stored, "devices": kept})

    async def _async_keep(self, items: dict[str, _Items]) -> None:
        if not items.get(_FILES):
            items.pop(_FILES, None)
        if items != self._stored:
            self._stored = items
            await self._store.async_save(items)


def _is_off(item: Mapping[str, Any]) -> bool:
    """Return whether a hostname was removed or turned off."""
    return (
        bool(item["removed_at"])
        or not read_hostname_settings(item["settings"]).protected.published
    )


def _since_set_up(
    item: Mapping[str, Any], settings: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return what is known of a hostname or device, without what is over since it was set up again or changed."""
    over: tuple[str, ...] = ()
    if item.get("removed_at"):
        over = (_DOWN, _LET_GO, _TURNED_OFF)
    elif item.get("settings") != settings:
        over = (_DOWN, _TURNED_OFF)
    return _without_keys(item, over)


def _without_keys(item: Mapping[str, Any], keys: Collection[str]) -> Mapping[str, Any]:
    return {key: value for key, value in item.items() if key not in keys}


def _without(items: _Items, keys: Collection[str]) -> _Items:
    return {key: item for key, item in items.items() if key not in keys}


async def async_get_tombstones(hass: HomeAssistant, entry_id: str) -> Tombstones:
    """Return the tombstones of an account."""
    store = _store(hass, entry_id)
    return await async_get_once(hass, _TOMBSTONES, entry_id, store, Tombstones)


async def async_remove_tombstones(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is stored of an account."""
    await async_remove_once(hass, _TOMBSTONES, entry_id, _store(hass, entry_id))


def _store(hass: HomeAssistant, entry_id: str) -> AccountStore[dict[str, Any]]:
    return AccountStore(hass, _VERSION, f"{DOMAIN}.{entry_id}")
