"""Creates, renews, revokes and restores the certificates of companion devices."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from homeassistant.components import persistent_notification
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util

from ..bus_events import CertificateEvent, async_fire
from ..const import CONF_REMOTE_HANDOVER, DOMAIN, LOGGER
from ..coordinator import CloudflareConfigEntry
from ..engine.api.errors import EngineError
from ..engine.api.models import ClientCertificate
from ..engine.certificates.companions import Certificate, CompanionDevice
from ..engine.certificates.credentials import (
    BundleFormat,
    CertificateFacts,
    KeyType,
    PrivateKey,
    make_bundle,
    make_label,
    make_password,
    make_signing_request,
)
from ..engine.certificates.records import Record
from ..engine.certificates.signing import issue_certificate
from ..engine.probe import Verdict
from ..engine.rules.exposure import Visitor
from ..engine.sync.reconciler import Extent
from ..pages.handovers import Delivery, Handover, async_get_handovers
from ..storage.ledger import Ledger, async_get_ledger
from ..subentries import hostnames_of
from ..wording import Message, describe_problem, raise_translated_error
from .mobile_app import async_notify

# Rules and associations take their time to reach every server of the edge.
_PAUSES: Final = (0, 2, 4, 8, 16)

# As long as any: whether it fits must be known before the certificate is signed.
_ANY_FINGERPRINT = "0" * 64


@dataclass(frozen=True, kw_only=True)
class CertificateRequest:
    """What a person wants created, and when the device's older certificates end at the latest."""

    device: CompanionDevice
    validity_days: int
    key_type: KeyType
    bundle_format: BundleFormat
    revoke_old_after: int | None = None


@dataclass(frozen=True, kw_only=True)
class CreatedCertificate:
    """A new certificate, and where its bundle waits."""

    certificate: Certificate
    handover: Handover


async def async_create_certificate(
    hass: HomeAssistant, entry: CloudflareConfigEntry, request: CertificateRequest
) -> CreatedCertificate:
    """Make a key, have it signed, try it, and hold the bundle for the device; raise EngineError."""
    device, protection = request.device, entry.runtime_data.protection
    if protection.pins and (
        problem := await protection.async_pin_problem(_ANY_FINGERPRINT)
    ):
        raise_translated_error(describe_problem(problem))
    signing_request = await hass.async_add_executor_job(
        make_signing_request, device.name, device.id, request.key_type
    )
    issued, facts = await issue_certificate(
        protection.client,
        device.zone_id,
        signing_request,
        request.validity_days,
        hass.async_add_executor_job,
    )
    certificate = Certificate(
        id=issued.id, zone_id=device.zone_id, status=issued.status, facts=facts
    )
    now = dt_util.utcnow()
    old_ends = request.revoke_old_after
    await protection.ledger.async_add(
        certificate.id,
        Record(
            created_on=now,
            revoke_old_on=None if old_ends is None else now + timedelta(days=old_ends),
        ),
    )
    await protection.async_pin()
    await _expect_to_get_in(entry, device.zone_id, signing_request.key, issued)
    known = (protection.data.companions or {}).get(device.id)
    older = known.certificates if known else {}
    handovers = async_get_handovers(hass)
    for item in older:
        handovers.withdraw(item.id)
    delivery = await hass.async_add_executor_job(
        _pack, hass, entry, request, signing_request.key, issued, facts
    )
    handover = handovers.offer(delivery)
    async_fire(
        hass,
        entry,
        CertificateEvent.RENEWED if older else CertificateEvent.CREATED,
        certificate,
    )
    if device.notify_device_id:
        await async_notify(hass, device.notify_device_id, handover.path)
    if known:
        await protection.async_refresh()
    return CreatedCertificate(certificate=certificate, handover=handover)


def _pack(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    request: CertificateRequest,
    key: PrivateKey,
    issued: ClientCertificate,
    facts: CertificateFacts,
) -> Delivery:
    """Return what the device fetches; slow."""
    label = make_label(facts.name, facts.issued_on)
    password = make_password()
    formats = sorted(BundleFormat, key=lambda item: item is not request.bundle_format)

    @callback
    def taken() -> None:
        hass.async_create_task(_note_taken(hass, entry.entry_id, issued.id))

    return Delivery(
        certificate_id=issued.id,
        label=label,
        system=request.device.system,
        password=password,
        bundles=tuple(
            make_bundle(key, issued.pem, item, label=label, password=password)
            for item in formats
        ),
        hostname=next(_published(entry, request.device.zone_id), None),
        taken=taken,
        remotely=bool(entry.options.get(CONF_REMOTE_HANDOVER)),
    )


def notification_id(certificate_id: str) -> str:
    """Return the id of the notification that tells where a certificate waits."""
    return f"{DOMAIN}_{certificate_id}"


async def _note_taken(hass: HomeAssistant, entry_id: str, certificate_id: str) -> None:
    """Keep that a device fetched its bundle; the account may have been set up anew since."""
    entry: CloudflareConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
    if entry is None:
        return
    ledger = await async_get_ledger(hass, entry_id)
    await ledger.async_note(certificate_id, taken_on=dt_util.utcnow())
    persistent_notification.async_dismiss(hass, notification_id(certificate_id))
    if entry.state is ConfigEntryState.LOADED:
        entry.runtime_data.protection.async_look_at_ledger()


async def async_prove(hass: HomeAssistant, certificate_id: str, hostname: str) -> bool:
    """Keep that a device came through a hostname with its certificate, if it is one of ours."""
    now = dt_util.utcnow()
    entries: list[CloudflareConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    for entry in entries:
        protection = entry.runtime_data.protection
        if any(
            item.hostname == hostname
            for item in hostnames_of(entry.subentries).values()
        ) and any(
            certificate.id == certificate_id and certificate.gets_in(now)
            for state in (protection.data.companions or {}).values()
            for certificate in state.certificates
        ):
            await protection.ledger.async_note(
                certificate_id, taken_on=now, proven_on=now
            )
            protection.async_look_at_ledger()
            return True
    return False


async def _expect_to_get_in(
    entry: CloudflareConfigEntry,
    zone_id: str,
    key: PrivateKey,
    issued: ClientCertificate,
) -> None:
    """Raise unless the edge lets the certificate in, or does not show whether it does."""
    hostname = _hostname_to_try(entry, zone_id)
    if hostname is None:
        return
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        answer = await entry.runtime_data.visits.probe.with_certificate(
            hostname, key, issued.pem
        )
        if answer.verdict is not Verdict.BLOCKED:
            return
    try:
        await entry.runtime_data.client.revoke_client_certificate(zone_id, issued.id)
    except EngineError as err:
        raise_translated_error(
            Message(
                "certificate_blocked_not_revoked",
                {"hostname": hostname, "certificate_id": issued.id},
            ),
            err,
        )
    raise_translated_error(Message("certificate_blocked", {"hostname": hostname}))


def _hostname_to_try(entry: CloudflareConfigEntry, zone_id: str) -> str | None:
    """Return a hostname of the zone that lets devices in, as far as its rules say."""
    protection = entry.runtime_data.protection
    plan = protection.data.plans.get(zone_id)
    if plan is None or not protection.last_update_success:
        return None
    published = _published(entry, zone_id)
    return next((item for item in published if not plan.drifted(item)), None)


def _published(entry: CloudflareConfigEntry, zone_id: str) -> Iterator[str]:
    """Yield the zone's hostnames that can be reached."""
    for item in hostnames_of(entry.subentries).values():
        if item.zone_id == zone_id and item.protected.published:
            yield item.hostname


async def async_revoke(
    hass: HomeAssistant, entry: CloudflareConfigEntry, certificate: Certificate
) -> Certificate:
    """Revoke a certificate, after what would let it in nonetheless; raise EngineError."""
    protection = entry.runtime_data.protection
    async_get_handovers(hass).withdraw(certificate.id)
    await _close_to_revoked(entry, certificate.zone_id)
    status = await protection.client.revoke_client_certificate(
        certificate.zone_id, certificate.id
    )
    protection.async_hurry()
    await protection.async_pin()
    await protection.async_refresh()
    return replace(certificate, status=status)


async def _close_to_revoked(entry: CloudflareConfigEntry, zone_id: str) -> None:
    """Mend rules that let revoked certificates in; what fails here is reported as exposed."""
    reconciler = entry.runtime_data.protection.reconciler
    hostnames = {
        item.hostname
        for item in hostnames_of(entry.subentries).values()
        if item.zone_id == zone_id
    }
    try:
        zones = await reconciler.preview(Extent(hostnames=hostnames))
        open_hostnames = {
            exposure.hostname
            for zone in zones.values()
            for exposure in zone.left.exposures
            if exposure.visitor is Visitor.REVOKED_CERTIFICATE
        }
        await reconciler.sync(Extent(hostnames=open_hostnames))
    except EngineError as err:
        LOGGER.debug("Rules could not be fixed before a revocation: %s", err)


async def async_restore(
    entry: CloudflareConfigEntry, certificate: Certificate
) -> Certificate:
    """Take a revocation back; what is not revoked counts as restored; raise EngineError."""
    protection, status = entry.runtime_data.protection, certificate.status
    if not certificate.is_active:
        status = await protection.client.restore_client_certificate(
            certificate.zone_id, certificate.id
        )
    await _note_restored(protection.ledger, certificate)
    protection.async_hurry()
    await protection.async_pin()
    await protection.async_refresh()
    return replace(certificate, status=status)


async def _note_restored(ledger: Ledger, certificate: Certificate) -> None:
    """Keep that a person wants the certificate back, whatever has replaced it."""
    if certificate.id not in ledger.records:
        issued_on = certificate.facts.issued_on
        record = Record(created_on=issued_on, taken_on=issued_on)
        await ledger.async_add(certificate.id, record)
    await ledger.async_note(certificate.id, restored_on=dt_util.utcnow())


async def async_find(
    entry: CloudflareConfigEntry, certificate_id: str
) -> tuple[CompanionDevice, Certificate]:
    """Return a certificate and its companion device; others are not ours to touch."""
    protection = entry.runtime_data.protection
    devices = {device.id: device for device in protection.companions}
    for certificate in await protection.async_read_certificates():
        device = devices.get(certificate.device_id)
        if certificate.id == certificate_id and device:
            return device, certificate
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="certificate_not_found",
        translation_placeholders={"certificate_id": certificate_id},
    )
