"""Keeps what is stored of an account in memory once: two would overwrite each other's changes."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey


class AccountStore[DataT: Mapping[str, Any]](Store[DataT]):
    """What is stored of an account, until the account is removed."""

    def __init__(self, hass: HomeAssistant, version: int, key: str) -> None:
        """Begin with an account that is there."""
        super().__init__(hass, version, key)
        self._is_removed = False
        self._saving = asyncio.Lock()

    @override
    async def async_save(self, data: DataT) -> None:
        """Store data; what work that goes on records of a removed account is not stored."""
        async with self._saving:
            if not self._is_removed:
                await super().async_save(data)

    @override
    @callback
    def async_delay_save(
        self, data_func: Callable[[], DataT], delay: float = 0
    ) -> None:
        """Store data later, unless the account is removed."""
        if not self._is_removed:
            super().async_delay_save(data_func, delay)

    @override
    async def async_remove(self) -> None:
        """Remove what is stored, once nothing is being written."""
        self._is_removed = True
        async with self._saving:
            await super().async_remove()


@dataclass(frozen=True)
class Once[KeptT]:
    """What is kept in memory of an account, and where it is stored."""

    kept: KeptT
    store: AccountStore[Any]


type OnceKey[KeptT] = HassKey[dict[str, Once[KeptT]]]


async def async_get_once[KeptT](
    hass: HomeAssistant,
    key: OnceKey[KeptT],
    entry_id: str,
    store: AccountStore[Any],
    create: Callable[[AccountStore[Any], Any], KeptT],
) -> KeptT:
    """Return what is stored of an account: always the same, also when its entry is reloaded.

    Work that began before a reload goes on after it.
    """
    known = hass.data.setdefault(key, {})
    if entry_id not in known:
        created = create(store, await store.async_load())
        # Another caller may have loaded it meanwhile.
        known.setdefault(entry_id, Once(created, store))
    return known[entry_id].kept


async def async_remove_once[KeptT](
    hass: HomeAssistant,
    key: OnceKey[KeptT],
    entry_id: str,
    store: AccountStore[Any],
) -> None:
    """Remove what is stored of an account, also from memory."""
    once = hass.data.get(key, {}).pop(entry_id, None)
    await (once.store if once else store).async_remove()
