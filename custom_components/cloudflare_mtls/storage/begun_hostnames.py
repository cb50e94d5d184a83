"""New hostnames that a dialog has begun to set up at Cloudflare, and that Home Assistant does not have yet."""

from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.sync.settings import HostnameSettings
from ..subentries import hostname_data, read_hostname_settings
from .once import AccountStore, OnceKey, async_get_once, async_remove_once

_VERSION: Final = 1
_BEGUN: OnceKey[BegunHostnames] = HassKey(f"{DOMAIN}_begun_hostnames")

type _Stored = dict[str, dict[str, Any]]


class BegunHostnames:
    """Remembers such hostnames of an account before the first change is made for them."""

    def __init__(self, store: AccountStore[_Stored], stored: _Stored | None) -> None:
        """Take what was stored."""
        self._store = store
        self._stored = stored or {}

    @property
    def settings(self) -> tuple[HostnameSettings, ...]:
        """Return what a person confirmed for each of them."""
        return tuple(map(read_hostname_settings, self._stored.values()))

    async def async_remember(self, settings: HostnameSettings) -> None:
        """Remember a hostname until it is forgotten."""
        await self._async_keep(
            {**self._stored, settings.hostname: hostname_data(settings)}
        )

    async def async_forget(self, hostname: str) -> None:
        """Forget a hostname that Home Assistant has now."""
        kept = {key: item for key, item in self._stored.items() if key != hostname}
        await self._async_keep(kept)

    async def _async_keep(self, items: _Stored) -> None:
        if items != self._stored:
            self._stored = items
            await self._store.async_save(items)


async def async_get_begun_hostnames(
    hass: HomeAssistant, entry_id: str
) -> BegunHostnames:
    """Return the hostnames of an account that a dialog has begun to set up."""
    store = _store(hass, entry_id)
    return await async_get_once(hass, _BEGUN, entry_id, store, BegunHostnames)


async def async_remove_begun_hostnames(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is stored of an account."""
    await async_remove_once(hass, _BEGUN, entry_id, _store(hass, entry_id))


def _store(hass: HomeAssistant, entry_id: str) -> AccountStore[_Stored]:
    return AccountStore(hass, _VERSION, f"{DOMAIN}.{entry_id}.begun_hostnames")
