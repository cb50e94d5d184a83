"""Creates, renews, revokes and restores the certificates of companion devices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util

from ..bus_events import CertificateEvent, async_fire_certificate
from ..const import CONF_REMOTE_HANDOVER, DOMAIN
from ..coordinator.protection import ProtectionCoordinator
from ..engine.api.errors import EngineError
from ..engine.api.models import ClientCertificate
from ..engine.certificates.companions import (
    Certificate,
    CompanionDevice,
    CompanionState,
)
from ..engine.certificates.facts import CertificateFacts
from ..engine.certificates.keys import PrivateKey, make_signing_request
from ..engine.certificates.records import Record
from ..engine.certificates.signing import issue_certificate
from ..engine.probe import Probe
from ..pages.handovers import Handover, async_get_handovers
from ..quoting import shown
from ..wording import describe_problem, raise_translated_error
from .first_visit import async_check_admission
from .mobile_app import async_notify, format_for
from .notifications import async_notify_ready
from .packing import pack
from .request import CertificateRequest
from .revocation import async_close_to_revoked

# All fingerprints are equally long, and the new one is not known before the signing.
_ANY_FINGERPRINT: Final = "0" * 64


@dataclass(frozen=True, kw_only=True)
class CreatedCertificate:
    """A new certificate, and where its bundle can be fetched."""

    certificate: Certificate
    handover: Handover


class CompanionCertificates:
    """The certificates of an account's companion devices."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        protection: ProtectionCoordinator,
        probe: Probe,
    ) -> None:
        """Take the account, and the probe that visits with new certificates."""
        self._hass = hass
        self._entry = entry
        self._protection = protection
        self._probe = probe

    async def async_create(self, request: CertificateRequest) -> CreatedCertificate:
        """Create a certificate, and offer its bundle to the device once the edge lets it in.

        Raises EngineError, and HomeAssistantError where the certificate could not pass.
        """
        device, protection = request.device, self._protection
        await self._check_room_for_pin()
        signing_request = await self._hass.async_add_executor_job(
            make_signing_request, device.name, device.id, request.key_type
        )
        issued, facts = await issue_certificate(
            protection.client,
            device.zone_id,
            signing_request,
            request.validity_days,
            self._hass.async_add_executor_job,
        )
        certificate = Certificate(
            id=issued.id, zone_id=device.zone_id, status=issued.status, facts=facts
        )
        record = request.record(dt_util.utcnow())
        await protection.ledger.async_add(certificate.id, record)
        await protection.async_pin()
        if hostname := self._hostname_to_visit(device.zone_id):
            await async_check_admission(
                protection.client,
                self._probe,
                device.zone_id,
                hostname,
                signing_request.key,
                issued,
            )
        known = self._companions.get(device.id)
        older = known.certificates if known else {}
        for item in older:
            async_get_handovers(self._hass).withdraw(item.id)
        handover = await self._offer(request, signing_request.key, issued, facts)
        async_fire_certificate(
            self._hass,
            self._entry,
            CertificateEvent.RENEWED if older else CertificateEvent.CREATED,
            certificate,
        )
        if device.notify_device_id:
            await async_notify(self._hass, device.notify_device_id, handover.path)
        # A new device is not configured yet: adding it shows its certificate.
        if known:
            await protection.async_refresh()
        return CreatedCertificate(certificate=certificate, handover=handover)

    async def async_renew(self, companion: CompanionState) -> None:
        """Create a certificate like the device's last one, and notify where it can be fetched.

        Raises what creating a certificate raises.
        """
        bundle_format = format_for(self._hass, companion.device)
        created = await self.async_create(
            CertificateRequest.like_current(companion, bundle_format)
        )
        await async_notify_ready(
            self._hass,
            created.certificate.id,
            companion.device.name,
            created.handover,
        )

    async def async_revoke(self, certificate: Certificate) -> Certificate:
        """Revoke a certificate, after closing rules that let revoked ones in; raise EngineError."""
        protection = self._protection
        async_get_handovers(self._hass).withdraw(certificate.id)
        hostnames = {
            item.hostname
            for item in protection.hostnames
            if item.zone_id == certificate.zone_id
        }
        await async_close_to_revoked(protection.async_writing, hostnames)
        status = await protection.client.client_certificates.revoke(
            certificate.zone_id, certificate.id
        )
        await self._apply_change()
        return replace(certificate, status=status)

    async def async_revoke_all(self, companion: CompanionState) -> None:
        """Revoke every certificate of a device; raise the first EngineError after all were tried."""
        errors: list[EngineError] = []
        for certificate in companion.certificates:
            if certificate.is_active:
                try:
                    await self.async_revoke(certificate)
                except EngineError as err:
                    errors.append(err)
        if errors:
            raise errors[0]

    async def async_restore(self, certificate: Certificate) -> Certificate:
        """Make a revoked certificate valid again; raise EngineError.

        One that is not revoked counts as restored: a newer one does not replace it either.
        """
        protection, status = self._protection, certificate.status
        if not certificate.is_active:
            status = await protection.client.client_certificates.restore(
                certificate.zone_id, certificate.id
            )
        await self._record_restored(certificate)
        await self._apply_change()
        return replace(certificate, status=status)

    async def async_find(
        self, certificate_id: str
    ) -> tuple[CompanionDevice, Certificate]:
        """Return a certificate and its companion device.

        Raises EngineError, and ServiceValidationError for a certificate that belongs to no
        companion device of this account.
        """
        devices = {device.id: device for device in self._protection.companions}
        for certificate in await self._protection.async_read_certificates():
            device = devices.get(certificate.device_id)
            if certificate.id == certificate_id and device:
                return device, certificate
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="certificate_not_found",
            translation_placeholders=shown({"certificate_id": certificate_id}),
        )

    async def async_record_proof(self, certificate_id: str, hostname: str) -> bool:
        """Record that a device reached a hostname with its certificate; return whether it is known."""
        now = dt_util.utcnow()
        hostnames = {item.hostname for item in self._protection.hostnames}
        certificates = {
            certificate.id
            for companion in self._companions.values()
            for certificate in companion.certificates
            if certificate.gets_in(now)
        }
        if hostname not in hostnames or certificate_id not in certificates:
            return False
        await self._protection.ledger.async_note(
            certificate_id, taken_on=now, proven_on=now
        )
        self._protection.async_look_at_ledger()
        return True

    @property
    def _companions(self) -> Mapping[str, CompanionState]:
        return self._protection.data.companions or {}

    async def _check_room_for_pin(self) -> None:
        """Raise HomeAssistantError where no rule could hold one more certificate."""
        if self._protection.pins and (
            problem := await self._protection.async_pin_problem(_ANY_FINGERPRINT)
        ):
            raise_translated_error(describe_problem(problem))

    async def _offer(
        self,
        request: CertificateRequest,
        key: PrivateKey,
        issued: ClientCertificate,
        facts: CertificateFacts,
    ) -> Handover:
        """Offer the bundle of a new certificate to its device."""
        device = request.device
        delivery = await self._hass.async_add_executor_job(
            partial(
                pack,
                entry_id=self._entry.entry_id,
                key=key,
                issued=issued,
                facts=facts,
                system=device.system,
                advised_format=request.bundle_format,
                hostname=next(self._published_in(device.zone_id), None),
                remotely=bool(self._entry.options.get(CONF_REMOTE_HANDOVER)),
            )
        )
        return async_get_handovers(self._hass).offer(delivery)

    def _hostname_to_visit(self, zone_id: str) -> str | None:
        """Return a hostname of the zone that lets devices in, as far as its rules say."""
        plan = self._protection.data.plans.get(zone_id)
        if plan is None or not self._protection.last_update_success:
            return None
        published = self._published_in(zone_id)
        return next((item for item in published if not plan.drifted(item)), None)

    def _published_in(self, zone_id: str) -> Iterator[str]:
        """Yield the zone's hostnames that can be reached."""
        for item in self._protection.hostnames:
            if item.zone_id == zone_id and item.protected.published:
                yield item.hostname

    async def _apply_change(self) -> None:
        """Pin and show what is valid now; Cloudflare takes a while to apply it everywhere."""
        self._protection.async_hurry()
        await self._protection.async_pin()
        await self._protection.async_refresh()

    async def _record_restored(self, certificate: Certificate) -> None:
        """Record that a person wants the certificate back, whatever has replaced it."""
        ledger = self._protection.ledger
        if certificate.id not in ledger.records:
            issued_on = certificate.facts.issued_on
            record = Record(created_on=issued_on, taken_on=issued_on)
            await ledger.async_add(certificate.id, record)
        await ledger.async_note(certificate.id, restored_on=dt_util.utcnow())
