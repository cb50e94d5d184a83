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
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .engine.certificates.outdated import devices_with_overdue
from .issues import Issue, async_report
from .quoting import Ours, plain, quoted
from .storage.ledger import Ledger, async_get_ledger
from .storage.logins import async_get_login_records
from .storage.tombstones import async_get_tombstones
from .subentries import companions_of
from .wording import async_get_texts

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
    whole = {*removed.values(), *_unwanted(ledger, present | removed)}
    old = {present[item] for item in _with_overdue(ledger) & present.keys()} - whole
    text = await async_get_texts(hass, "common")
    certificates = [
        *((name, quoted(name)) for name in sorted(whole)),
        *(
            (f"old_{name}", text("only_old_certificate", name=plain(name)))
            for name in sorted(old)
        ),
    ]
    hostnames = [(name, quoted(name)) for name in sorted(tombstones.may_be_published)]
    left = (
        (of_certificates, "certificates", certificates),
        (of_hostnames, "hostnames", hostnames),
    )
    return [_issue(entry, key, what, items) for key, what, items in left if items]


async def _issues_of_sessions(hass: HomeAssistant, entry: ConfigEntry) -> list[Issue]:
    """Return an issue for the hostnames where sessions are still to be ended, if there are any."""
    try:
        stored = await async_get_login_records(hass, entry.entry_id)
    except AttributeError, HomeAssistantError:
        # For that very reason the account is not set up, as the log says; other orders are told.
        return []
    records = stored.records.items()
    names = sorted(hostname for hostname, each in records if each.sessions)
    items = [(name, quoted(name)) for name in names]
    return [_issue(entry, "sessions_wait", "hostnames", items)] if items else []


def _issue(
    entry: ConfigEntry, key: str, what: str, items: Sequence[tuple[str, str]]
) -> Issue:
    """Return an issue about items, each given by what distinguishes it and by its line."""
    return Issue(
        # Who ignores some has not ignored what is ordered later.
        id="_".join((key, *(item_id for item_id, _ in items))),
        translation_key=key,
        placeholders={
            "account": entry.title,
            what: Ours("\n".join(f"- {line}" for _, line in items)),
        },
        severity=ir.IssueSeverity.WARNING,
        is_persistent=True,
    )


def _with_overdue(ledger: Ledger) -> frozenset[str]:
    """Return the devices of which an old certificate is still to be revoked."""
    now = dt_util.utcnow()
    return devices_with_overdue(
        ledger.records,
        ledger.confirmed,
        ledger.confirmed_ids,
        ledger.ended_by(now),
        now,
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
