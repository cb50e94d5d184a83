"""What visits found wrong at the edge: it holds until a visit shows the opposite, also across restarts."""

from collections.abc import Collection
from functools import partial
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .once import AccountStore, OnceKey, async_get_once, async_remove_once

_VERSION: Final = 1
_OPEN: Final = "open"
_WITHOUT_CERTIFICATE: Final = "without_certificate"
_FOUND: OnceKey[FoundByVisits] = HassKey(f"{DOMAIN}_found_by_visits")

type _Stored = dict[str, list[str]]


class FoundByVisits:
    """The hostnames of an account that let visitors in, and those that the edge has no certificate for."""

    def __init__(
        self, hass: HomeAssistant, store: AccountStore[_Stored], stored: _Stored | None
    ) -> None:
        """Take what was stored."""
        self._hass = hass
        self._store = store
        self._stored = stored or {_OPEN: [], _WITHOUT_CERTIFICATE: []}

    @property
    def open(self) -> Collection[str]:
        """Return the hostnames that let visitors without a certificate in when that was last seen."""
        return self._stored[_OPEN]

    @property
    def without_certificate(self) -> Collection[str]:
        """Return the hostnames that the edge had no certificate for when that was last seen."""
        return self._stored[_WITHOUT_CERTIFICATE]

    @callback
    def keep(
        self, *, open_hostnames: Collection[str], without_certificate: Collection[str]
    ) -> None:
        """Store which hostnames these are by now, if that is new."""
        found = {
            _OPEN: sorted(open_hostnames),
            _WITHOUT_CERTIFICATE: sorted(without_certificate),
        }
        if found != self._stored:
            self._stored = found
            # Not a task of the account: it is stored also while the account is unloaded.
            self._hass.async_create_task(
                self._store.async_save(found), "What visits found is stored"
            )


async def async_get_found_by_visits(
    hass: HomeAssistant, entry_id: str
) -> FoundByVisits:
    """Return what visits found in an account."""
    store = _store(hass, entry_id)
    return await async_get_once(
        hass, _FOUND, entry_id, store, partial(FoundByVisits, hass)
    )


async def async_remove_found_by_visits(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is stored of an account."""
    await async_remove_once(hass, _FOUND, entry_id, _store(hass, entry_id))


def _store(hass: HomeAssistant, entry_id: str) -> AccountStore[_Stored]:
    return AccountStore(hass, _VERSION, f"{DOMAIN}.{entry_id}.found_by_visits")
