"""Undoes the trials of accounts that a person removes or disables, and tells which logins and sessions stay."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.const import CONF_API_TOKEN
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .account import async_create_client, async_get_account_state, create_probe
from .const import CONF_ACCOUNT_ID, DOMAIN, LOGGER
from .coordinator.access import AccessCoordinator
from .coordinator.login_writer import LoginWriter
from .engine.api.errors import EngineError
from .issues import Issue, async_report
from .quoting import listed
from .storage.logins import LoginRecord, LoginRecords, Stage, async_get_login_records


@callback
def async_undo_trials_of_disabled(hass: HomeAssistant) -> None:
    """Undo the trials of each account that a person disables, once it is unloaded.

    An account that was not loaded is not asked to unload, so Home Assistant's own signal is followed.
    """

    @callback
    def changed(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if (
            entry.domain == DOMAIN
            and change is ConfigEntryChange.UPDATED
            and entry.disabled_by
            and entry.state is ConfigEntryState.NOT_LOADED
        ):
            hass.async_create_task(
                _undo_trials_of_disabled(hass, entry), f"{entry.title} trials"
            )

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed)


async def _undo_trials_of_disabled(hass: HomeAssistant, entry: ConfigEntry) -> None:
    records = await _load(hass, entry)
    left: Iterable[str] = (each.settings.hostname for each in _unproven(records))
    try:
        left = await _undo_trials(hass, entry, records)
    finally:
        # In the group of the coordinator, which tells what there is once the account is enabled.
        async_report(
            hass,
            entry.entry_id,
            AccessCoordinator.subject,
            [_trial_issue(entry, hostname) for hostname in left],
        )


async def async_leave_logins(hass: HomeAssistant, entry: ConfigEntry) -> list[Issue]:
    """Undo the trials of an account that is removed; return the issues for what stays."""
    records = await _load(hass, entry)
    failed = await _undo_trials(hass, entry, records)
    kept = [each.settings.hostname for each in records.at(Stage.KEPT, Stage.LEFT)]
    logged_in = [
        hostname for hostname, each in records.records.items() if each.has_strangers
    ]
    return [
        *(_trial_issue(entry, hostname) for hostname in failed),
        *([_left_issue("logins_stay", entry, kept)] if kept else []),
        *([_left_issue("sessions_stay", entry, logged_in)] if logged_in else []),
    ]


async def _load(hass: HomeAssistant, entry: ConfigEntry) -> LoginRecords:
    """Return what is stored, once nothing is being set up; for this account, nothing will be."""
    async with async_get_account_state(hass, entry.data[CONF_ACCOUNT_ID]).writing:
        return await async_get_login_records(hass, entry.entry_id)


def _unproven(records: LoginRecords) -> Collection[LoginRecord]:
    return records.at(Stage.TRIAL, Stage.UNDOING, Stage.REMOVING)


async def _undo_trials(
    hass: HomeAssistant, entry: ConfigEntry, records: LoginRecords
) -> list[str]:
    """Remove each login that nobody has proven; return the hostnames that may still have theirs."""
    unproven = _unproven(records)
    if not unproven:
        return []
    client = await async_create_client(
        hass, entry.data[CONF_API_TOKEN], entry.data[CONF_ACCOUNT_ID]
    )
    writer = LoginWriter(hass, entry, client, create_probe(hass), records)
    left = []
    for record in unproven:
        hostname = record.settings.hostname
        if record.stage is Stage.TRIAL:
            await records.async_put(replace(record, stage=Stage.UNDOING))
        try:
            is_gone = await writer.remove(hostname)
        except EngineError as err:
            LOGGER.debug("The trial of %s could not be undone: %s", hostname, err)
            is_gone = False
        if not is_gone:
            left.append(hostname)
    return left


def _trial_issue(entry: ConfigEntry, hostname: str) -> Issue:
    return Issue(
        id=f"login_trial_left_{hostname}",
        translation_key="login_trial_left",
        placeholders={"account": entry.title, "hostname": hostname},
        is_persistent=True,
    )


def _left_issue(key: str, entry: ConfigEntry, hostnames: Iterable[str]) -> Issue:
    return Issue(
        id=key,
        translation_key=key,
        placeholders={"account": entry.title, "hostnames": listed(sorted(hostnames))},
        severity=ir.IssueSeverity.WARNING,
        is_persistent=True,
    )
