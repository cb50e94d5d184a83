"""Keeps what is stored of an account in memory once: two would overwrite each other's changes."""

from collections.abc import Callable
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey


async def async_get_once[StoredT](
    hass: HomeAssistant,
    key: HassKey[dict[str, StoredT]],
    entry_id: str,
    store: Store[Any],
    create: Callable[[Store[Any], Any], StoredT],
) -> StoredT:
    """Return what is stored of an account: always the same, also when its entry is reloaded.

    Work that began before a reload goes on after it.
    """
    known = hass.data.setdefault(key, {})
    if entry_id not in known:
        created = create(store, await store.async_load())
        # Another caller may have loaded it meanwhile.
        known.setdefault(entry_id, created)
    return known[entry_id]


async def async_remove_once[StoredT](
    hass: HomeAssistant,
    key: HassKey[dict[str, StoredT]],
    entry_id: str,
    store: Store[Any],
) -> None:
    """Remove what is stored of an account, also from memory."""
    hass.data.get(key, {}).pop(entry_id, None)
    await store.async_remove()
