"""Keeps the names of companion devices apart: by them, people choose which one to revoke."""

from collections.abc import Mapping

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_NAME

from ..subentries import companions_of
from ..wording import Message


def name_taken(
    subentries: Mapping[str, ConfigSubentry], name: str, device_id: str | None = None
) -> Message | None:
    """Return the message that another device has this name, in capitals or not; None if none has."""
    for device in companions_of(subentries).values():
        if device.id != device_id and device.name.casefold() == name.casefold():
            return Message("name_taken", {"name": device.name}, CONF_NAME)
    return None
