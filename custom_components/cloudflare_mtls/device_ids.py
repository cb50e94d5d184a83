"""Home Assistant's ids of the devices that stand for subentries."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .const import DOMAIN
from .subentries import companions_of, hostname_subentry_ids, login_hostnames_of


@callback
def async_device_id_of_companion(
    hass: HomeAssistant, entry: ConfigEntry, companion_id: str | None
) -> str | None:
    """Return the device of a companion device, by our own id, if it is registered."""
    companions = companions_of(entry.subentries).items()
    ids = {companion.id: subentry_id for subentry_id, companion in companions}
    return _device_id(hass, entry, companion_id and ids.get(companion_id))


@callback
def async_device_id_of_hostname(
    hass: HomeAssistant, entry: ConfigEntry, hostname: str
) -> str | None:
    """Return the device of a protected hostname or login hostname, if it is registered."""
    subentries = entry.subentries
    ids = hostname_subentry_ids(subentries) | {
        item.hostname: key for key, item in login_hostnames_of(subentries).items()
    }
    return _device_id(hass, entry, ids.get(hostname))


def _device_id(
    hass: HomeAssistant, entry: ConfigEntry, subentry_id: str | None
) -> str | None:
    device = subentry_id and dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, subentry_id), entry.entry_id
    )
    return device.id if device else None
