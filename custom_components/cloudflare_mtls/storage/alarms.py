"""When requests without a valid certificate last reached Home Assistant, also across restarts."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .once import AccountStore, OnceKey, async_get_once, async_remove_once

_VERSION: Final = 1
_LAST: Final = "last"
_ALARMS: OnceKey[Alarms] = HassKey(f"{DOMAIN}_alarms")

type _Stored = dict[str, dict[str, str]]


class Alarms:
    """When the last such request came through each protected hostname of an account."""

    def __init__(
        self, hass: HomeAssistant, store: AccountStore[_Stored], stored: _Stored | None
    ) -> None:
        """Take what was stored."""
        self._hass = hass
        self._store = store
        self._last = {
            hostname: datetime.fromisoformat(at)
            for hostname, at in (stored or {_LAST: {}})[_LAST].items()
        }

    @property
    def last(self) -> Mapping[str, datetime]:
        """Return when the last one came through each hostname, as far as that is not over."""
        return self._last

    @callback
    def async_raise(self, hostname: str, now: datetime) -> None:
        """Keep that such a request comes through a hostname now."""
        self._keep(self._last | {hostname: now})

    @callback
    def async_end(self, hostnames: Collection[str]) -> None:
        """Forget those that came through these hostnames."""
        left = {name: at for name, at in self._last.items() if name not in hostnames}
        if left != self._last:
            self._keep(left)

    def _keep(self, last: dict[str, datetime]) -> None:
        self._last = last
        data = {hostname: at.isoformat() for hostname, at in last.items()}
        # Not a task of the account: it is stored also while the account is unloaded.
        self._hass.async_create_task(
            self._store.async_save({_LAST: data}), "Alarms are stored"
        )


async def async_get_alarms(hass: HomeAssistant, entry_id: str) -> Alarms:
    """Return the alarms of an account."""
    store = _store(hass, entry_id)
    return await async_get_once(hass, _ALARMS, entry_id, store, partial(Alarms, hass))


async def async_remove_alarms(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is stored of an account."""
    await async_remove_once(hass, _ALARMS, entry_id, _store(hass, entry_id))


def _store(hass: HomeAssistant, entry_id: str) -> AccountStore[_Stored]:
    return AccountStore(hass, _VERSION, f"{DOMAIN}.{entry_id}.alarms")
