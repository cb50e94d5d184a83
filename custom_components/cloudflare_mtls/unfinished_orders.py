"""Tells what Cloudflare has not done of a person's orders while nobody asks it to.

Certificates have to be revoked, hostnames taken off the internet and sessions ended, and the
account is not set up, or was removed. What is ordered meanwhile is told at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .const import DOMAIN
from .issues import Issue, async_report
from .quoting import listed
from .storage.ledger import Ledger, async_get_ledger
from .storage.logins import async_get_login_records
from .storage.tombstones import async_get_tombstones
from .subentries import companions_of

_GROUP: Final = "not_set_up"
# Nobody knows yet whether the account will be set up.
_CHANGING: Final = (
    ConfigEntryState.SETUP_IN_PROGRESS,
    ConfigEntryState.UNLOAD_IN_PROGRESS,
)


@callback
def async_tell_unfinished_orders(hass: HomeAssistant) -> None:
    """Tell of the orders of each account that is not set up, until it is.

    Such an account has no update listener, so Home Assistant's own signal is followed.
    """

    @callback
    def changed(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain != DOMAIN or change is not ConfigEntryChange.UPDATED:
            return
        if entry.state is ConfigEntryState.LOADED:
            async_report(hass, entry.entry_id, _GROUP, ())
        elif entry.state not in _CHANGING:
            hass.async_create_task(
                async_tell_orders_of(hass, entry), f"{entry.title} unfinished orders"
            )

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed)


async def async_tell_orders_of(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Tell what is not done of the orders of an account, if it is not set up."""
    # A reload or a removal of the account holds this lock until it is done.
    async with entry.setup_lock:
        if (
            entry.state is not ConfigEntryState.LOADED
            and hass.config_entries.async_get_entry(entry.entry_id) is entry
        ):
            issues = await _issues(hass, entry, "certificates_wait", "hostnames_wait")
            issues += await _issues_of_sessions(hass, entry)
            async_report(hass, entry.entry_id, _GROUP, issues)


async def async_leave_orders(hass: HomeAssistant, entry: ConfigEntry) -> list[Issue]:
    """Return the issues for what was not done when an account was removed: nobody does it any more."""
    return await _issues(hass, entry, "certificates_stay", "hostnames_stay")


async def _issues(
    hass: HomeAssistant,
    entry: ConfigEntry,
    of_certificates: str,
    of_hostnames: str,
) -> list[Issue]:
    """Return an issue for what is still to be revoked, and one for what may still be published."""
    tombstones = await async_get_tombstones(hass, entry.entry_id)
    await tombstones.async_update(entry.subentries)
    ledger = await async_get_ledger(hass, entry.entry_id)
    removed = {key: item.name for key, item in tombstones.devices.items()}
    present = {item.id: item.name for item in companions_of(entry.subentries).values()}
    certificates = {*removed.values(), *_unwanted(ledger, present | removed)}
    left = (
        (of_certificates, "certificates", sorted(certificates)),
        (of_hostnames, "hostnames", sorted(tombstones.may_be_published)),
    )
    return [_issue(entry, key, what, names) for key, what, names in left if names]


async def _issues_of_sessions(hass: HomeAssistant, entry: ConfigEntry) -> list[Issue]:
    """Return an issue for the hostnames where sessions are still to be ended, if there are any."""
    try:
        stored = await async_get_login_records(hass, entry.entry_id)
    except AttributeError, HomeAssistantError:
        # For that very reason the account is not set up, as the log says; other orders are told.
        return []
    records = stored.records.items()
    names = sorted(hostname for hostname, each in records if each.sessions)
    return [_issue(entry, "sessions_wait", "hostnames", names)] if names else []


def _issue(entry: ConfigEntry, key: str, what: str, names: Sequence[str]) -> Issue:
    return Issue(
        # Who ignores some has not ignored what is ordered later.
        id="_".join((key, *names)),
        translation_key=key,
        placeholders={"account": entry.title, what: listed(names)},
        severity=ir.IssueSeverity.WARNING,
        is_persistent=True,
    )


def _unwanted(ledger: Ledger, devices: Mapping[str, str]) -> Iterator[str]:
    """Yield the devices whose certificates are unwanted, and the ids of those that are of none."""
    device_ids = {
        **{key: record.device_id for key, record in ledger.records.items()},
        **{item.fingerprint: item.device_id for item in ledger.records.values()},
        **ledger.confirmed,
        **{
            item: ledger.confirmed.get(key)
            for key, item in ledger.confirmed_ids.items()
        },
    }
    for item_id in filter(ledger.knows, ledger.unwanted):
        yield devices.get(device_ids.get(item_id) or "", item_id)
