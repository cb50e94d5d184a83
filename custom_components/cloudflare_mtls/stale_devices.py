"""Removes the devices of tunnels that are gone at Cloudflare."""

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .const import CONF_ACCOUNT_ID
from .runtime_data import CloudflareConfigEntry


@callback
def async_remove_stale_devices(
    hass: HomeAssistant, entry: CloudflareConfigEntry
) -> None:
    """Remove the devices of what is gone at Cloudflare, now and after each refresh."""

    @callback
    def check() -> None:
        if (alive := _alive(entry)) is None:
            return
        registry = dr.async_get(hass)
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
            if not any(identifier in alive for _, identifier in device.identifiers):
                registry.async_remove_device(device.id)

    check()
    entry.async_on_unload(entry.runtime_data.tunnels.async_add_listener(check))


def _alive(entry: CloudflareConfigEntry) -> set[str] | None:
    """Return the identifiers of everything that is there, or None while that is not known."""
    tunnels = entry.runtime_data.tunnels
    if not tunnels.last_update_success or tunnels.data is None:
        return None
    return {entry.data[CONF_ACCOUNT_ID], *entry.subentries, *tunnels.data}
