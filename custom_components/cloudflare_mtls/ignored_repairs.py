"""Keeps repairs that can be fixed from being ignored by anybody but the administrator in their dialog.

Home Assistant lets every user ignore a repair, but lets only administrators open the dialog of one.
What administrators ignored is stored here: while Home Assistant starts, nobody watches.
"""

from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

_VERSION: Final = 1
_SAVE_SECONDS: Final = 1
_IGNORED: HassKey[_IgnoredRepairs] = HassKey(f"{DOMAIN}_ignored_repairs")


class _IgnoredRepairs:
    """The repairs that administrators ignored, by their ids."""

    def __init__(self, store: Store[list[str]], stored: list[str] | None) -> None:
        """Take what was stored."""
        self._store = store
        self._ids = set(stored or ())

    def __contains__(self, issue_id: str) -> bool:
        """Return whether an administrator ignored a repair."""
        return issue_id in self._ids

    @callback
    def add(self, issue_id: str) -> None:
        """Note that an administrator ignored a repair."""
        self._ids.add(issue_id)
        self._store.async_delay_save(self._data, _SAVE_SECONDS)

    @callback
    def discard(self, issue_id: str) -> None:
        """Note that a repair is not ignored any more."""
        if issue_id in self._ids:
            self._ids.discard(issue_id)
            self._store.async_delay_save(self._data, _SAVE_SECONDS)

    @callback
    def _data(self) -> list[str]:
        return sorted(self._ids)


async def async_setup_ignored_repairs(hass: HomeAssistant) -> None:
    """Watch which repairs are ignored, from before the first one is reported."""
    store = Store[list[str]](hass, _VERSION, f"{DOMAIN}_ignored_repairs")
    hass.data[_IGNORED] = _IgnoredRepairs(store, await store.async_load())
    hass.bus.async_listen(
        ir.EVENT_REPAIRS_ISSUE_REGISTRY_UPDATED,
        callback(
            lambda event: _check(hass, event.data["domain"], event.data["issue_id"])
        ),
    )
    # Those that outlive a restart could be ignored since it began.
    for domain, issue_id in list(ir.async_get(hass).issues):
        _check(hass, domain, issue_id)


@callback
def async_ignore(hass: HomeAssistant, issue_id: str) -> None:
    """Ignore a repair, as an administrator chose in its dialog."""
    hass.data[_IGNORED].add(issue_id)
    ir.async_ignore_issue(hass, DOMAIN, issue_id, ignore=True)


@callback
def _check(hass: HomeAssistant, domain: str, issue_id: str) -> None:
    """Show a repair again that was ignored on another way."""
    if domain != DOMAIN:
        return
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    if issue is None or not issue.dismissed_version:
        hass.data[_IGNORED].discard(issue_id)
    elif issue.is_fixable and issue_id not in hass.data[_IGNORED]:
        ir.async_ignore_issue(hass, DOMAIN, issue_id, ignore=False)
