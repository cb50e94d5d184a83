"""Keeps the names of companion devices apart: by them, people choose which one to revoke."""

from collections import Counter
from collections.abc import Mapping

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from ..const import DOMAIN
from ..subentries import companions_of
from ..wording import Message, async_get_loaded_texts, describe_moment


def name_taken(
    subentries: Mapping[str, ConfigSubentry], name: str, device_id: str | None = None
) -> Message | None:
    """Return the message that another device has this name, in capitals or not; None if none has."""
    for device in companions_of(subentries).values():
        if device.id != device_id and device.name.casefold() == name.casefold():
            return Message("name_taken", {"name": device.name}, CONF_NAME)
    return None


@callback
def async_names_apart(hass: HomeAssistant, entry: ConfigEntry) -> dict[str, str]:
    """Return the names of the companion devices, by our ids.

    Home Assistant's own menu gives a device any name, that of another one too: then each says when
    it was added.
    """
    companions = companions_of(entry.subentries)
    holders = Counter(item.name.casefold() for item in companions.values())
    registry, text = dr.async_get(hass), async_get_loaded_texts(hass)

    def name(subentry_id: str) -> str:
        plain = companions[subentry_id].name
        device = registry.async_get_device_by_identifier(
            (DOMAIN, subentry_id), entry.entry_id
        )
        if device is None or holders[plain.casefold()] == 1:
            return plain
        moment = describe_moment(text, device.created_at)
        return text("name_added", name=plain, moment=moment)

    return {item.id: name(subentry_id) for subentry_id, item in companions.items()}
