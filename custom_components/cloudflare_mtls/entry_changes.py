"""Carries out what a person changes of an account in place; only a new token needs a reload."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_send

from .const import CONF_ACCOUNT_ID, DOMAIN
from .engine.access.settings import LoginSettings
from .engine.sync.settings import HostnameSettings
from .entity import SIGNAL_SUBENTRIES
from .limited_hostnames import async_forget_removed_devices
from .runtime_data import CloudflareConfigEntry
from .subentries import companions_of, hostnames_of, login_hostnames_of


@dataclass(frozen=True, kw_only=True)
class _Snapshot:
    """What a person can change of an account; Home Assistant changes a subentry in place."""

    data: Mapping[str, Any]
    options: Mapping[str, Any]
    subentries: Mapping[str, Mapping[str, Any]]
    # By identifier, as devices have it.
    names: Mapping[str, str]
    # What Cloudflare has to do with: hostnames, and the zones of companion devices.
    hostnames: Mapping[str, HostnameSettings]
    zones: Mapping[str, str]
    logins: Mapping[str, LoginSettings]


def _snapshot(entry: CloudflareConfigEntry) -> _Snapshot:
    subentries = entry.subentries.values()
    return _Snapshot(
        data=entry.data,
        options=entry.options,
        subentries={item.subentry_id: item.data for item in subentries},
        names={
            entry.data[CONF_ACCOUNT_ID]: entry.title,
            **{item.subentry_id: item.title for item in subentries},
        },
        hostnames=hostnames_of(entry.subentries),
        zones={
            subentry_id: device.zone_id
            for subentry_id, device in companions_of(entry.subentries).items()
        },
        logins=login_hostnames_of(entry.subentries),
    )


class EntryChanges:
    """Compares an account with what it was, and changes only what has to change.

    The entities of other hostnames and devices keep their states.
    """

    def __init__(self, hass: HomeAssistant, entry: CloudflareConfigEntry) -> None:
        """Take the account as it is before it is set up."""
        self._hass = hass
        self._entry = entry
        self._seen = _snapshot(entry)

    @callback
    def async_listen(self) -> None:
        """Carry out what has changed during the set-up, and every change from now on."""
        entry = self._entry
        entry.async_on_unload(entry.add_update_listener(self._async_updated))
        self._carry_out()

    async def _async_updated(
        self, hass: HomeAssistant, entry: CloudflareConfigEntry
    ) -> None:
        self._carry_out()

    @callback
    def _carry_out(self) -> None:
        async_forget_removed_devices(self._hass, self._entry)
        before, self._seen = self._seen, _snapshot(self._entry)
        now = self._seen
        if now.data != before.data:
            self._hass.config_entries.async_schedule_reload(self._entry.entry_id)
            return
        self._rename_devices(before.names, now.names)
        self._show_subentries(before.subentries, now.subentries)
        self._entry.runtime_data.access.async_keep_up()
        if (now.hostnames, now.zones, now.options) != (
            before.hostnames,
            before.zones,
            before.options,
        ):
            self._entry.async_create_background_task(
                self._hass, self._follow(), f"{self._entry.title} settings changed"
            )
        elif now != before:
            # Repairs have the new name; Cloudflare has nothing to do with it.
            self._entry.runtime_data.protection.async_look_at_ledger()

    def _rename_devices(
        self, before: Mapping[str, str], now: Mapping[str, str]
    ) -> None:
        """Give devices the names that a person gave their subentries, or the account."""
        registry = dr.async_get(self._hass)
        for identifier in before.keys() & now.keys():
            if before[identifier] == now[identifier]:
                continue
            device = registry.async_get_device_by_identifier(
                (DOMAIN, identifier), self._entry.entry_id
            )
            if device:
                registry.async_update_device(device.id, name=now[identifier])

    def _show_subentries(
        self,
        before: Mapping[str, Mapping[str, Any]],
        now: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Have entities added for new subentries, and those of changed ones show the change.

        Home Assistant itself removes the entities and the device of a removed one. What the account
        has because of it goes with the last one.
        """
        changed = {key for key, data in now.items() if data != before.get(key)}
        if now != before:
            signal = SIGNAL_SUBENTRIES.format(self._entry.entry_id)
            async_dispatcher_send(self._hass, signal, changed)

    async def _follow(self) -> None:
        """Have the coordinators follow, also if Cloudflare shows no change."""
        data = self._entry.runtime_data
        await data.protection.async_settings_changed()
        # Home Assistant has its turn in between.
        await asyncio.sleep(0)
        data.visits.async_keep_up()
        await asyncio.sleep(0)
        data.checks.async_keep_up()
        await data.reports.async_refresh()
        data.reports.async_keep_up()
