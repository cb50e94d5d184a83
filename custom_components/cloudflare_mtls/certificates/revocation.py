"""Revokes the certificates of companion devices, and restores them."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..coordinator.protection import ProtectionCoordinator
from ..engine.api.errors import EngineError
from ..engine.api.models import CertificateStatus
from ..engine.certificates.certificate import Certificate, ListedCertificate, readable
from ..engine.certificates.companions import CompanionDevice, CompanionState
from ..engine.certificates.records import Record
from ..engine.rules.exposure import Visitor
from ..engine.sync.reconciler import Extent
from ..pages.handovers import async_get_handovers
from ..wording import Message, async_get_texts, describe, raise_translated_error
from .creations import async_get_creations

# Rules that let an unaccepted certificate in may let a revoked one in too.
_OPEN_TO_REVOKED: Final = (
    Visitor.REVOKED_CERTIFICATE,
    Visitor.UNACCEPTED_CERTIFICATE,
)


class CertificateRevoker:
    """Revokes and restores the certificates of an account's companion devices.

    What Cloudflare refuses to revoke is unwanted from then on, and tried again.
    """

    def __init__(self, hass: HomeAssistant, protection: ProtectionCoordinator) -> None:
        """Take the coordinator that knows the certificates."""
        self._hass = hass
        self._protection = protection
        self._creations = async_get_creations(hass)
        self._handovers = async_get_handovers(hass)

    async def async_revoke[CertificateT: ListedCertificate](
        self, certificate: CertificateT
    ) -> CertificateT:
        """Revoke a certificate for a person; a repair tells of one that is refused. Raise EngineError."""
        try:
            return await self.async_revoke_automatically(certificate)
        except EngineError:
            self._protection.async_look_at_ledger()
            raise

    async def async_revoke_automatically[CertificateT: ListedCertificate](
        self, certificate: CertificateT
    ) -> CertificateT:
        """Revoke a certificate, after closing rules that let revoked ones in; raise EngineError."""
        self._creations.stop_certificate(certificate.id)
        self._handovers.withdraw(certificate.id)
        await self._close_to_revoked([certificate])
        status = await self._revoke(certificate.zone_id, certificate.id)
        await self._apply_change()
        return replace(certificate, status=status)

    async def async_revoke_device(self, device: CompanionDevice) -> None:
        """Revoke every certificate of a device, offered ones and those that are being created.

        All are tried. Raises HomeAssistantError, which says what is still valid.
        """
        self._stop(device.id)
        errors: list[EngineError] = []
        try:
            read = await self._protection.async_read_certificates()
        except EngineError as err:
            errors.append(err)
            listed = self._protection.data.certificates or ()
        else:
            listed = read.certificates
            if device.zone_id in read.failed:
                errors.append(read.failed[device.zone_id])
        # The list shows what was created while it was read, too.
        self._stop(device.id)
        trust = self._protection.trust
        of_device = [
            item for item in readable(listed) if trust.device_id_of(item) == device.id
        ]
        active = [item for item in of_device if item.is_active]
        # Those that somebody else revoked must not come back either.
        await self._protection.ledger.async_record_revoked(
            {item.id for item in of_device if not item.is_active}
        )
        await self._revoke_all(device.name, active, errors)
        unknown = trust.unknown_among(listed)
        if not active and device.id in map(trust.claimed_device_id, unknown):
            raise_translated_error(Message("revocation_unknown", {"name": device.name}))

    async def async_revoke_replaced(self, companion: CompanionState) -> None:
        """Revoke now what a newer certificate of the device replaced; raise as for a device."""
        await self._revoke_all(companion.device.name, companion.replaced, [])

    async def async_revoke_all(
        self, certificates: Collection[Certificate]
    ) -> Collection[Certificate]:
        """Revoke certificates for a person; return those that are refused, of which repairs tell."""
        for certificate in certificates:
            self._creations.stop_certificate(certificate.id)
            self._handovers.withdraw(certificate.id)
        refused = await self._try_to_revoke(certificates)
        self._protection.async_look_at_ledger()
        return refused.keys()

    async def async_discard(self, zone_id: str, certificate_ids: Iterable[str]) -> None:
        """Revoke certificates that no device got; those that are refused are tried again later."""
        for certificate_id in certificate_ids:
            try:
                await self._revoke(zone_id, certificate_id)
            except EngineError as err:
                LOGGER.debug("%s could not be revoked: %s", certificate_id, err)
        await self._protection.async_pin()

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

    async def _revoke_all(
        self,
        name: str,
        certificates: Collection[Certificate],
        errors: Collection[EngineError],
    ) -> None:
        """Revoke certificates of a device; raise the first error, now or before, after all were tried."""
        refused = await self._try_to_revoke(certificates)
        errors = [*errors, *refused.values()]
        if errors:
            self._protection.async_look_at_ledger()
            await self._raise_left(name, refused, errors[0])

    async def _try_to_revoke(
        self, certificates: Collection[Certificate]
    ) -> dict[Certificate, EngineError]:
        """Revoke certificates, each whatever comes of the others; return those that are refused."""
        await self._close_to_revoked(certificates)
        refused = {}
        for certificate in certificates:
            try:
                await self._revoke(certificate.zone_id, certificate.id)
            except EngineError as err:
                refused[certificate] = err
        await self._apply_change()
        return refused

    @callback
    def _stop(self, device_id: str) -> None:
        """Give nothing more to a device, whatever Cloudflare says."""
        self._creations.stop_device(device_id)
        self._handovers.withdraw_device(device_id)

    async def _revoke(self, zone_id: str, certificate_id: str) -> CertificateStatus:
        """Revoke a certificate; one that is refused stays unwanted. Raise EngineError."""
        ledger = self._protection.ledger
        await ledger.async_mark_unwanted(certificate_id)
        status = await self._protection.client.client_certificates.revoke(
            zone_id, certificate_id
        )
        await ledger.async_record_revoked({certificate_id})
        return status

    async def _close_to_revoked(
        self, certificates: Iterable[ListedCertificate]
    ) -> None:
        """Fix the rules of the certificates' zones, where they let revoked ones in.

        Nothing is raised: a hostname that could not be closed is reported as exposed.
        """
        zone_ids = {item.zone_id for item in certificates}
        hostnames = {
            item.hostname
            for item in self._protection.hostnames
            if item.zone_id in zone_ids
        }
        try:
            async with self._protection.async_writing() as reconciler:
                seen = await reconciler.preview(Extent(hostnames=hostnames))
                open_hostnames = {
                    exposure.hostname
                    for zone in seen.zones.values()
                    for exposure in zone.left.exposures
                    if exposure.visitor in _OPEN_TO_REVOKED
                }
                await reconciler.sync(Extent(hostnames=open_hostnames))
        except EngineError as err:
            LOGGER.debug("Rules could not be fixed before a revocation: %s", err)

    async def _apply_change(self) -> None:
        """Pin and show what is valid now; Cloudflare takes a while to apply it everywhere."""
        self._protection.async_hurry()
        await self._protection.async_pin()
        await self._protection.async_refresh()

    async def _raise_left(
        self, name: str, left: Collection[Certificate], error: EngineError
    ) -> None:
        """Raise HomeAssistantError that says why, and which certificates are still valid."""
        message = describe(error)
        text = await async_get_texts(self._hass, "exceptions")
        reason = text(f"{message.key}.message", **message.placeholders)
        if not left:
            raise_translated_error(
                Message("revocation_uncertain", {"name": name, "reason": reason}), error
            )
        dates = sorted(f"{item.facts.expires_on:%Y-%m-%d}" for item in left)
        raise_translated_error(
            Message(
                "revocation_incomplete",
                {"name": name, "reason": reason, "dates": ", ".join(dates)},
            ),
            error,
        )

    async def _record_restored(self, certificate: Certificate) -> None:
        """Record that a person wants the certificate back, whatever has replaced it."""
        ledger, trust = self._protection.ledger, self._protection.trust
        device_id = trust.device_id_of(certificate)
        if device_id and trust.record_of(certificate) is None:
            issued_on = certificate.facts.issued_on
            record = Record(
                fingerprint=certificate.facts.fingerprint_sha256,
                device_id=device_id,
                created_on=issued_on,
                taken_on=issued_on,
            )
            await ledger.async_add(certificate.id, record)
        await ledger.async_note(certificate.id, restored_on=dt_util.utcnow())
        await ledger.async_forget_unwanted({certificate.id, certificate.facts.key_id})
        await ledger.async_forget_revoked({certificate.id})
