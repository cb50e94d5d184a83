"""Keeps a new hostname whose changes were begun, though its dialog did not come to its end.

A person has confirmed the changes. So it becomes a protected hostname like any other: it is listed
and watched, what is left of the changes is made, and it can be removed.
"""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .engine.sync.settings import HostnameSettings
from .storage.begun_hostnames import async_get_begun_hostnames
from .subentries import hostname_subentry, hostname_subentry_ids


async def async_keep_hostname(
    hass: HomeAssistant, entry_id: str, settings: HostnameSettings
) -> None:
    """Add a hostname whose dialog was closed, unless another dialog has added it."""
    if entry := hass.config_entries.async_get_entry(entry_id):
        _async_add(hass, entry, settings)
        begun = await async_get_begun_hostnames(hass, entry_id)
        await begun.async_forget(settings.hostname)


async def async_keep_begun_hostnames(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Add the hostnames whose dialogs were open when Home Assistant stopped."""
    begun = await async_get_begun_hostnames(hass, entry.entry_id)
    for settings in begun.settings:
        _async_add(hass, entry, settings)
        await begun.async_forget(settings.hostname)


@callback
def _async_add(
    hass: HomeAssistant, entry: ConfigEntry, settings: HostnameSettings
) -> None:
    if settings.hostname not in hostname_subentry_ids(entry.subentries):
        hass.config_entries.async_add_subentry(entry, hostname_subentry(settings))
