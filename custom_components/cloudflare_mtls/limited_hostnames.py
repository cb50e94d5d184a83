"""Keeps, in the subentries of limited hostnames, which companion devices may use them."""

from collections.abc import Collection, Iterable

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .engine.sync.settings import HostnameSettings
from .subentries import companions_of, hostname_data, hostnames_of


def limited_among(hostnames: Iterable[HostnameSettings]) -> frozenset[str]:
    """Return those of the protected hostnames that only some companion devices may use."""
    return frozenset(item.hostname for item in hostnames if item.protected.is_limited)


@callback
def async_admit(
    hass: HomeAssistant, entry: ConfigEntry, device_id: str, hostnames: Collection[str]
) -> None:
    """Add a companion device to those that may use these limited hostnames."""
    for subentry_id, item in hostnames_of(entry.subentries).items():
        devices = item.protected.devices
        if item.hostname in hostnames and devices is not None:
            hass.config_entries.async_update_subentry(
                entry,
                entry.subentries[subentry_id],
                data=hostname_data(item.limited_to({*devices, device_id})),
            )


@callback
def async_forget_removed_devices(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove companion devices that are gone from those that may use limited hostnames.

    A hostname whose last device goes stays limited: nobody gets in.
    """
    present = {device.id for device in companions_of(entry.subentries).values()}
    for subentry_id, item in hostnames_of(entry.subentries).items():
        devices = item.protected.devices
        if devices is not None and not devices <= present:
            hass.config_entries.async_update_subentry(
                entry,
                entry.subentries[subentry_id],
                data=hostname_data(item.limited_to(devices & present)),
            )
