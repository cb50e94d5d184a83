"""Restores revoked certificates of companion devices, unless they are revoked again meanwhile."""

from dataclasses import replace

from homeassistant.core import HomeAssistant

from ..coordinator.protection import ProtectionCoordinator
from ..engine.api.errors import NotFound, QuotaExceeded, Rejected, Unavailable
from ..engine.api.models import CertificateStatus
from ..engine.certificates.certificate import Certificate
from ..to_the_end import to_the_end
from ..wording import Message, describe_problem, raise_translated_error
from .creations import Restoration, async_get_creations
from .lookup import FoundCertificate
from .revocation import CertificateRevoker


class CertificateRestorer:
    """Restores the certificates of an account's companion devices."""

    def __init__(
        self,
        hass: HomeAssistant,
        protection: ProtectionCoordinator,
        revoker: CertificateRevoker,
    ) -> None:
        """Take the coordinator that knows the certificates, and what revokes them again."""
        self._protection = protection
        self._revoker = revoker
        self._creations = async_get_creations(hass)

    @to_the_end("The restoration of a certificate")
    async def async_restore(self, found: FoundCertificate) -> Certificate:
        """Make a revoked certificate valid again.

        One that is not revoked counts as restored: a newer one does not replace it either.
        Raises EngineError, and HomeAssistantError where the rules have no room for it, or where it
        was revoked, or its device removed, since a person asked for it.
        """
        device, certificate = found.device, found.certificate
        fingerprint = certificate.facts.fingerprint_sha256
        # Without room in the rules, it would be valid and yet let nobody in.
        if problem := await self._protection.async_room_problem(
            {fingerprint: device.id}
        ):
            raise_translated_error(describe_problem(problem))
        status = certificate.status
        entry_id = self._protection.config_entry.entry_id
        restoration = Restoration(entry_id, device.id, certificate.id)
        try:
            with self._creations.restoring(restoration, found.asked_at):
                if not restoration.is_stopped:
                    status = await self._restore(restoration, certificate)
        finally:
            # Whatever the answer was: Cloudflare may have restored it.
            is_there = device.id in self._protection.trust.device_ids
            if restoration.is_stopped or not is_there:
                await self._revoker.async_discard(certificate.zone_id, [certificate.id])
                await self._protection.async_refresh()
                raise_translated_error(
                    Message("restoration_stopped", {"name": device.name})
                )
        await self._revoker.async_apply_change()
        return replace(certificate, status=status)

    async def _restore(
        self, restoration: Restoration, certificate: Certificate
    ) -> CertificateStatus | None:
        """Restore a certificate, and record that a person wants it; raise EngineError."""
        may_be_revoked = await self._may_be_revoked(certificate)
        if certificate.is_active and not may_be_revoked:
            await self._record(restoration, certificate)
            return certificate.status
        if restoration.is_stopped:
            return certificate.status
        try:
            status = await self._protection.client.client_certificates.restore(
                certificate.zone_id, certificate.id
            )
        except Unavailable:
            # It may let somebody in again, or never do: no person saw it restored.
            await self._protection.ledger.async_note_perhaps_restored(certificate.id)
            await self._record_end(certificate)
            raise
        except Rejected as err:
            if not certificate.is_active or isinstance(err, NotFound | QuotaExceeded):
                raise
            # The revocation was not carried out, so there is nothing to restore.
            status = CertificateStatus.ACTIVE
        await self._record(restoration, certificate)
        return status

    async def _may_be_revoked(self, certificate: Certificate) -> bool:
        """Return whether a certificate may be revoked, also if it was listed as active.

        A revocation that is on its way is waited for: it must not come after the restoration.
        """
        was_sent = await self._creations.async_wait_for_revocations(certificate.id)
        return was_sent or self._protection.trust.is_stopped(certificate)

    async def _record(self, restoration: Restoration, certificate: Certificate) -> None:
        """Record that a person wants the certificate back, whatever has replaced it."""
        if restoration.is_stopped:
            return
        ledger, trust = self._protection.ledger, self._protection.trust
        # Both at once: a revocation that was ordered before looks at both.
        ledger.note_restoration(certificate.id)
        await ledger.async_forget_unwanted(certificate.ids)
        await ledger.async_note_wanted(certificate, trust.device_id_of(certificate))
        await self._record_end(certificate)
        await ledger.async_forget_revoked(certificate.own_ids)
        self._protection.async_look_at_ledger()

    async def _record_end(self, certificate: Certificate) -> None:
        """Record that it may let somebody in until it expires, although it was seen revoked."""
        ends = dict.fromkeys(certificate.own_ids, certificate.facts.expires_on)
        await self._protection.ledger.async_record_ends(ends)
