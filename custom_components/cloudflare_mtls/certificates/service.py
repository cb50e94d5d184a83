"""Finds the certificates of companion devices, and records what devices prove with them."""

from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..coordinator.protection import ProtectionCoordinator
from ..engine.certificates.companions import Certificate, CompanionDevice
from ..quoting import shown


class CompanionCertificates:
    """The certificates of an account's companion devices."""

    def __init__(self, protection: ProtectionCoordinator) -> None:
        """Take the coordinator that knows the certificates."""
        self._protection = protection

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
            for companion in (self._protection.data.companions or {}).values()
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
