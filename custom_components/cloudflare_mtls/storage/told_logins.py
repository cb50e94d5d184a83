"""Which logins people were told of already, who logged in last, which strangers did and who may be one, also across restarts."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.access.logins import Login
from ..engine.access.strangers import Strangers
from ..engine.known_fields import known_fields
from .once import AccountStore, OnceKey, async_get_once, async_remove_once

_VERSION: Final = 1
_STORED_EVERY: Final = timedelta(hours=1)
_TOLD: OnceKey[ToldLogins] = HassKey(f"{DOMAIN}_told_logins")


class ToldLogins:
    """The logins of an account that people were told of."""

    def __init__(
        self, store: AccountStore[dict[str, Any]], stored: Mapping[str, Any] | None
    ) -> None:
        """Take what was stored; told is None where the log was never read before."""
        self._store = store
        self.told: frozenset[str] | None = None
        self.last: Mapping[str, Login] = {}
        self.strangers = Strangers()
        self.read_until: datetime | None = None
        if stored is not None:
            self.told = frozenset(stored["told"])
            self.last = {
                hostname: _login(data) for hostname, data in stored["last"].items()
            }
            # Earlier versions did not look for strangers, or took all logins for decided.
            self.strangers = Strangers(
                logins={
                    hostname: tuple(map(_login, logins))
                    for hostname, logins in stored.get("strangers", {}).items()
                },
                undecided=tuple(map(_login, stored.get("undecided", ()))),
            )
            if read_until := stored.get("read_until"):
                self.read_until = datetime.fromisoformat(read_until)

    async def async_keep(
        self,
        told: Collection[str],
        last: Mapping[str, Login],
        strangers: Strangers,
        read_until: datetime,
    ) -> None:
        """Store what was told by now, the last login of each hostname and the strangers, if that is new.

        read_until: up to when the log was read, which is stored now and then.
        """
        is_told = self.told is not None and self.told >= set(told)
        is_fresh = (
            self.read_until is not None
            and abs(read_until - self.read_until) < _STORED_EVERY
        )
        known = (self.last, self.strangers)
        if is_told and is_fresh and known == (last, strangers):
            return
        self.told, self.last, self.strangers = frozenset(told), last, strangers
        self.read_until = read_until
        await self._store.async_save(
            {
                "told": sorted(told),
                "last": {hostname: _data(login) for hostname, login in last.items()},
                "strangers": {
                    hostname: [_data(login) for login in logins]
                    for hostname, logins in strangers.logins.items()
                },
                "undecided": [_data(login) for login in strangers.undecided],
                "read_until": read_until.isoformat(),
            }
        )


def _data(login: Login) -> dict[str, Any]:
    return {
        **asdict(login),
        "at": login.at.isoformat(),
        "ray_ids": sorted(login.ray_ids),
    }


def _login(data: Mapping[str, Any]) -> Login:
    return Login(
        **{
            **known_fields(Login, data),
            "at": datetime.fromisoformat(data["at"]),
            "ray_ids": frozenset(data["ray_ids"]),
        }
    )


async def async_get_told_logins(hass: HomeAssistant, entry_id: str) -> ToldLogins:
    """Return what is stored of the logins of an account."""
    store = _store(hass, entry_id)
    return await async_get_once(hass, _TOLD, entry_id, store, ToldLogins)


async def async_remove_told_logins(hass: HomeAssistant, entry_id: str) -> None:
    """Remove what is stored of the logins of an account."""
    await async_remove_once(hass, _TOLD, entry_id, _store(hass, entry_id))


def _store(hass: HomeAssistant, entry_id: str) -> AccountStore[dict[str, Any]]:
    return AccountStore(hass, _VERSION, f"{DOMAIN}.{entry_id}.told_logins")
