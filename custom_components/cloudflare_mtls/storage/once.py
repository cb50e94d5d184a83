"""Keeps what is stored of an account in memory once: two would overwrite each other's changes."""

from collections.abc import Awaitable, Callable

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey


async def async_get_once[StoredT](
    hass: HomeAssistant,
    key: HassKey[dict[str, StoredT]],
    entry_id: str,
    load: Callable[[], Awaitable[StoredT]],
) -> StoredT:
    """Return what is stored of an account: always the same, also when its entry is reloaded.

    Work that began before a reload goes on after it.
    """
    known = hass.data.setdefault(key, {})
    if entry_id not in known:
        loaded = await load()
        # Another caller may have loaded it meanwhile.
        known.setdefault(entry_id, loaded)
    return known[entry_id]
