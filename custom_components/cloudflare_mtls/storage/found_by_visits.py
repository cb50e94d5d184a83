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
_WITHOUT_LOGIN: Final = "without_login"
_FOUND: OnceKey[FoundByVisits] = HassKey(f"{DOMAIN}_found_by_visits")

type _Stored = dict[str, list[str]]


class FoundByVisits:
    """The hostnames of an account that let visitors in, and those that the edge has no certificate for.

    Each coordinator that visits hostnames keeps what it found.
    """

    def __init__(
        self, hass: HomeAssistant, store: AccountStore[_Stored], stored: _Stored | None
    ) -> None:
        """Take what was stored."""
        self._hass = hass
        self._store = store
        # Earlier versions visited fewer hostnames.
        nothing: _Stored = {_OPEN: [], _WITHOUT_CERTIFICATE: [], _WITHOUT_LOGIN: []}
        self._stored = nothing | (stored or {})

    @property
    def open(self) -> Collection[str]:
        """Return the hostnames that let visitors without a certificate in when that was last seen."""
        return self._stored[_OPEN]

    @property
    def without_certificate(self) -> Collection[str]:
        """Return the hostnames that the edge had no certificate for when that was last seen."""
        return self._stored[_WITHOUT_CERTIFICATE]

    @property
    def without_login(self) -> Collection[str]:
        """Return the login hostnames that let visitors through when that was last seen."""
        return self._stored[_WITHOUT_LOGIN]

    @callback
    def keep(
        self, *, open_hostnames: Collection[str], without_certificate: Collection[str]
    ) -> None:
        """Store which protected hostnames these are by now, if that is new."""
        self._keep(
            {
                _OPEN: sorted(open_hostnames),
                _WITHOUT_CERTIFICATE: sorted(without_certificate),
            }
        )

    @callback
    def keep_without_login(self, hostnames: Collection[str]) -> None:
        """Store which login hostnames let visitors through by now, if that is new."""
        self._keep({_WITHOUT_LOGIN: sorted(hostnames)})

    @callback
    def _keep(self, now: _Stored) -> None:
        found = self._stored | now
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
