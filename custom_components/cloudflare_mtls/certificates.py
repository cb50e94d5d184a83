"""Mints and revokes the certificates of companion devices."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util.ulid import ulid_now

from .const import DOMAIN
from .coordinator import Certificate, CloudflareConfigEntry
from .edge.apply import issue_certificate
from .edge.credentials import (
    BundleFormat,
    CertificateFacts,
    KeyType,
    PrivateKey,
    make_bundle,
    make_label,
    make_password,
    make_signing_request,
)
from .edge.errors import EdgeError
from .edge.models import ClientCertificate
from .edge.platforms import Platform
from .edge.probe import Verdict
from .handover import Delivery, Handover, async_get_handovers
from .hostnames import hostnames_of

# Rules and associations take their time to reach every server of the edge.
_PAUSES: Final = (0, 2, 4, 8, 16)

# As long as any: whether it fits must be known before the certificate is signed.
_ANY_FINGERPRINT = "0" * 64


@dataclass(frozen=True, kw_only=True)
class MintRequest:
    """What a person wants minted."""

    name: str
    zone_id: str
    validity_days: int
    key_type: KeyType
    bundle_format: BundleFormat


@dataclass(frozen=True, kw_only=True)
class Minted:
    """A new certificate, and where its bundle waits."""

    certificate: Certificate
    handover: Handover


async def async_mint(
    hass: HomeAssistant, entry: CloudflareConfigEntry, request: MintRequest
) -> Minted:
    """Make a key, have it signed, try it, and hold the bundle for the device; raise EdgeError."""
    edge = entry.runtime_data.edge
    if edge.pins and (problem := await edge.async_pin_problem(_ANY_FINGERPRINT)):
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=f"problem_{problem.code}",
            translation_placeholders={
                "target": problem.target,
                "detail": problem.detail,
            },
        )
    signing_request = await hass.async_add_executor_job(
        make_signing_request, request.name, ulid_now(), request.key_type
    )
    issued, facts = await issue_certificate(
        entry.runtime_data.client,
        request.zone_id,
        signing_request,
        request.validity_days,
        hass.async_add_executor_job,
    )
    await edge.async_pin()
    await _expect_to_get_in(entry, request.zone_id, signing_request.key, issued)
    delivery = await hass.async_add_executor_job(
        _pack, request, signing_request.key, issued, facts
    )
    handover = async_get_handovers(hass).offer(delivery)
    await edge.async_refresh()
    certificate = Certificate(
        id=issued.id, zone_id=request.zone_id, status=issued.status, facts=facts
    )
    return Minted(certificate=certificate, handover=handover)


def _pack(
    request: MintRequest,
    key: PrivateKey,
    issued: ClientCertificate,
    facts: CertificateFacts,
) -> Delivery:
    """Return what the device fetches; slow."""
    label = make_label(facts.name, facts.issued_on)
    password = make_password()
    formats = sorted(BundleFormat, key=lambda item: item is not request.bundle_format)
    return Delivery(
        certificate_id=issued.id,
        label=label,
        platform=Platform.ANDROID,
        password=password,
        bundles=tuple(
            make_bundle(key, issued.pem, item, label=label, password=password)
            for item in formats
        ),
        hostname=None,
        taken=lambda: None,
    )


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
    except EdgeError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="certificate_blocked_not_revoked",
            translation_placeholders={
                "hostname": hostname,
                "certificate_id": issued.id,
            },
        ) from err
    raise HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="certificate_blocked",
        translation_placeholders={"hostname": hostname},
    )


def _hostname_to_try(entry: CloudflareConfigEntry, zone_id: str) -> str | None:
    """Return a hostname of the zone that lets devices in, as far as its rules say."""
    edge = entry.runtime_data.edge
    plan = edge.data.plans.get(zone_id)
    if plan is None or not edge.last_update_success:
        return None
    return next(
        (
            item.hostname
            for item in hostnames_of(entry).values()
            if item.zone_id == zone_id
            and item.protected.published
            and not plan.drifted(item.hostname)
        ),
        None,
    )


async def async_revoke(
    entry: CloudflareConfigEntry, certificate_id: str
) -> Certificate:
    """Revoke a certificate that Home Assistant minted; raise EdgeError."""
    edge = entry.runtime_data.edge
    certificate = await _find(entry, certificate_id)
    status = await edge.client.revoke_client_certificate(
        certificate.zone_id, certificate.id
    )
    await edge.async_pin()
    await edge.async_refresh()
    return replace(certificate, status=status)


async def _find(entry: CloudflareConfigEntry, certificate_id: str) -> Certificate:
    """Return a certificate that Home Assistant minted; others are not ours to touch."""
    for certificate in await entry.runtime_data.edge.async_read_certificates():
        if certificate.id == certificate_id and certificate.facts.managed:
            return certificate
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="certificate_not_found",
        translation_placeholders={"certificate_id": certificate_id},
    )
