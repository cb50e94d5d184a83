"""Cloudflare mTLS: lets only its owner's devices reach Home Assistant from outside."""

import asyncio

from homeassistant.const import CONF_API_TOKEN, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

from .abandoned_logins import async_leave_logins, async_undo_trials_of_disabled
from .account import async_create_client, async_get_account_state, create_probe
from .certificates.creation import CertificateCreator
from .certificates.creations import async_get_creations
from .certificates.expiry_watch import CertificateWatch
from .certificates.lookup import CertificateLookup
from .certificates.proofs import Proofs
from .certificates.request_alarm import RequestAlarm
from .certificates.restoration import CertificateRestorer
from .certificates.revocation import CertificateRevoker
from .certificates.unheard_revocations import async_keep_unheard_revocations
from .certificates.use_watch import UseWatch
from .certificates.withdrawal import async_withdraw_what_is_gone
from .const import CONF_ACCOUNT_ID, DASHBOARD_URL, DOMAIN, MANUFACTURER
from .coordinator.access import AccessCoordinator
from .coordinator.blocked_requests import BlockedRequestsCoordinator
from .coordinator.checks import ChecksCoordinator
from .coordinator.login_log import LoginLogCoordinator
from .coordinator.protection import ProtectionCoordinator
from .coordinator.reports import ReportCoordinator
from .coordinator.seats import SeatsCoordinator
from .coordinator.token import TokenCoordinator
from .coordinator.tunnels import TunnelCoordinator
from .coordinator.visits import VisitCoordinator
from .device_models import DeviceModel, async_get_device_models
from .device_reports import async_record_fetched, async_record_proof
from .entry_changes import EntryChanges
from .hostname_removal import async_end_removals
from .hostname_setup import async_keep_begun_hostnames
from .ignored_repairs import async_setup_ignored_repairs
from .issues import Issue, async_close_issues, async_report
from .pages.certificate_test import async_setup_certificate_test
from .pages.handover_view import async_setup_handover
from .pages.handovers import async_get_handovers, signal_missed
from .pages.login_trial import async_setup_login_trial
from .pages.visit import async_setup_visit
from .runtime_data import CloudflareConfigEntry, CloudflareData
from .services import async_setup_services
from .stale_devices import async_remove_stale_devices
from .storage.alarms import async_get_alarms, async_remove_alarms
from .storage.begun_hostnames import async_remove_begun_hostnames
from .storage.found_by_visits import (
    async_get_found_by_visits,
    async_remove_found_by_visits,
)
from .storage.ledger import async_get_ledger, async_remove_ledger
from .storage.logins import async_get_login_records, async_remove_login_records
from .storage.told_logins import async_get_told_logins, async_remove_told_logins
from .storage.tombstones import async_get_tombstones, async_remove_tombstones
from .storage.uses import async_get_uses, async_remove_uses
from .told_requests import async_watch_requests
from .unfinished_orders import async_leave_orders, async_tell_unfinished_orders
from .unheard_sessions import async_keep_unheard_ends_of_sessions
from .unheard_switches import async_apply_unheard_switches, async_keep_unheard_switches

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
PLATFORMS = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.SENSOR,
    Platform.SWITCH,
]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all accounts share: the actions, and the pages for devices."""
    await async_setup_ignored_repairs(hass)
    async_setup_services(hass)
    async_setup_visit(hass)
    async_watch_requests(hass)
    await async_setup_login_trial(hass)
    await async_setup_handover(hass, async_record_fetched)
    await async_setup_certificate_test(hass, async_record_proof)
    async_withdraw_what_is_gone(hass)
    async_keep_unheard_revocations(hass)
    async_keep_unheard_switches(hass)
    async_keep_unheard_ends_of_sessions(hass)
    async_undo_trials_of_disabled(hass)
    async_tell_unfinished_orders(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: CloudflareConfigEntry) -> bool:
    """Set up an account."""
    changes = EntryChanges(hass, entry)
    entry.runtime_data = await _async_read_account(hass, entry)
    _async_register_device(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_remove_stale_devices(hass, entry)
    _async_start_watching(hass, entry)
    await async_apply_unheard_switches(hass, entry)
    changes.async_listen()
    return True


async def _async_read_account(
    hass: HomeAssistant, entry: CloudflareConfigEntry
) -> CloudflareData:
    """Return what the account works with, once its tunnels and its protection were read."""
    account_id = entry.data[CONF_ACCOUNT_ID]
    client = await async_create_client(hass, entry.data[CONF_API_TOKEN], account_id)
    tombstones = await async_get_tombstones(hass, entry.entry_id)
    ledger = await async_get_ledger(hass, entry.entry_id)
    await async_end_removals(hass, entry, tombstones, ledger)
    await async_keep_begun_hostnames(hass, entry)
    await tombstones.async_update(entry.subentries)
    async_get_account_state(hass, account_id).recent.recall(
        revoked=ledger.revoked_on,
        restored=ledger.restored_on,
        perhaps_restored=ledger.perhaps_restored_on,
        now=dt_util.utcnow(),
    )
    logins = await async_get_login_records(hass, entry.entry_id)
    told = await async_get_told_logins(hass, entry.entry_id)
    creations, handovers = async_get_creations(hass), async_get_handovers(hass)

    def is_waiting(certificate_id: str) -> bool:
        """Return whether the bundle of a certificate is, or is about to be, offered."""
        return creations.has_certificate(certificate_id) or handovers.is_waiting(
            certificate_id
        )

    token = TokenCoordinator(hass, entry, client)
    tunnels = TunnelCoordinator(hass, entry, client)
    protection = ProtectionCoordinator(
        hass, entry, client, tombstones, ledger, is_waiting
    )
    await asyncio.gather(
        tunnels.async_config_entry_first_refresh(),
        protection.async_config_entry_first_refresh(),
    )
    # Without its answer the account works as well. It is asked for last: what fails before is
    # tried again without a word in the log.
    await token.async_refresh()
    probe, revoker = create_probe(hass), CertificateRevoker(hass, protection)
    found = await async_get_found_by_visits(hass, entry.entry_id)
    alarms = await async_get_alarms(hass, entry.entry_id)
    visits = VisitCoordinator(hass, entry, probe, protection, found, alarms)
    reports = ReportCoordinator(
        hass,
        entry,
        tunnels.local_tunnel_names,
        visits.arrival_at,
        tunnels.async_look_again,
    )
    checks = ChecksCoordinator(
        hass,
        entry,
        client,
        protection,
        lambda: protection.removals.hostnames.values(),
        tunnels.tunnel_names,
        reports.local_configurations,
    )
    access = AccessCoordinator(
        hass, entry, client, probe, logins, found, checks.async_applications_written
    )
    return CloudflareData(
        client=client,
        token=token,
        tunnels=tunnels,
        protection=protection,
        visits=visits,
        reports=reports,
        blocked=BlockedRequestsCoordinator(hass, entry, client),
        checks=checks,
        access=access,
        login_log=LoginLogCoordinator(hass, entry, client, access, told),
        seats=SeatsCoordinator(hass, entry, client),
        certificates=CertificateLookup(hass, protection),
        creator=CertificateCreator(hass, entry, protection, visits, revoker),
        revoker=revoker,
        restorer=CertificateRestorer(hass, protection, revoker),
        proofs=Proofs(entry, protection, visits, checks),
        uses=await async_get_uses(hass, entry.entry_id),
        alarms=alarms,
        models=async_get_device_models(hass),
    )


@callback
def _async_register_device(hass: HomeAssistant, entry: CloudflareConfigEntry) -> None:
    """Register the account's device: those of its tunnels and subentries lead to it."""
    account_id = entry.data[CONF_ACCOUNT_ID]
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, account_id)},
        entry_type=dr.DeviceEntryType.SERVICE,
        manufacturer=MANUFACTURER,
        model=entry.runtime_data.models[DeviceModel.ACCOUNT],
        name=entry.title,
        configuration_url=f"{DASHBOARD_URL}/{account_id}",
    )


@callback
def _async_start_watching(hass: HomeAssistant, entry: CloudflareConfigEntry) -> None:
    """Have the protection watched by all that depends on it, and look once now.

    A coordinator without a listener rests: who gets in is watched even if every entity is
    disabled. Visits, checks and Access run in the background: answers may take their time.
    """
    data = entry.runtime_data
    watch = CertificateWatch(hass, entry, data.protection, data.revoker)
    UseWatch(hass, entry, data.protection, data.proofs, data.uses).async_listen()
    RequestAlarm(hass, entry, data.protection, data.visits, data.alarms).async_listen()
    for coordinator, react in (
        (data.protection, data.visits.async_keep_up),
        (data.visits, data.visits.async_keep_up),
        (data.protection, data.checks.async_keep_up),
        (data.checks, data.checks.async_keep_up),
        (data.reports, data.reports.async_keep_up),
        (data.reports, data.checks.async_keep_up),
        (data.tunnels, data.reports.async_keep_up),
        (data.visits, data.reports.async_keep_up),
        (data.protection, watch.async_check),
        (data.token, data.token.async_keep_up),
        (data.access, data.access.async_keep_up),
        (data.access, data.login_log.async_keep_up),
        (data.access, data.seats.async_keep_up),
        (data.login_log, data.login_log.async_keep_up),
    ):
        entry.async_on_unload(coordinator.async_add_listener(react))
    entry.async_on_unload(
        async_dispatcher_connect(
            hass,
            signal_missed(entry.entry_id),
            data.protection.async_look_at_ledger,
        )
    )
    entry.async_create_background_task(
        hass, data.reports.async_refresh(), f"{data.reports.name} refresh"
    )
    for react in (
        data.visits.async_keep_up,
        data.blocked.async_keep_up,
        data.checks.async_keep_up,
        data.reports.async_keep_up,
        data.token.async_keep_up,
        data.access.async_keep_up,
        data.login_log.async_keep_up,
        data.seats.async_keep_up,
        watch.async_check,
    ):
        react()


async def async_unload_entry(hass: HomeAssistant, entry: CloudflareConfigEntry) -> bool:
    """Unload an account; at Cloudflare everything stays as it is."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: CloudflareConfigEntry) -> None:
    """Undo trials, and tell what stays and is not meant to; at Cloudflare all else is as it was."""
    left: list[Issue] = []
    try:
        left += await async_leave_orders(hass, entry)
        left += await async_leave_logins(hass, entry)
    finally:
        async_close_issues(hass, entry.entry_id)
        async_report(hass, entry.entry_id, "removed", left)
        await async_remove_tombstones(hass, entry.entry_id)
        await async_remove_ledger(hass, entry.entry_id)
        await async_remove_begun_hostnames(hass, entry.entry_id)
        await async_remove_found_by_visits(hass, entry.entry_id)
        await async_remove_login_records(hass, entry.entry_id)
        await async_remove_told_logins(hass, entry.entry_id)
        await async_remove_uses(hass, entry.entry_id)
        await async_remove_alarms(hass, entry.entry_id)
