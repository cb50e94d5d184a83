"""Finds the entities that the triggers and conditions of this integration are about."""

from collections.abc import Iterable

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN


def own_entities(hass: HomeAssistant, entity_ids: Iterable[str], key: str) -> set[str]:
    """Return those entities that this integration made with the description of this key.

    A person may choose a device, an area or a label, which have other entities too.
    """
    registry = er.async_get(hass)
    entries = filter(None, map(registry.async_get, entity_ids))
    return {
        entry.entity_id
        for entry in entries
        if entry.platform == DOMAIN and entry.translation_key == key
    }
