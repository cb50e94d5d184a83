"""Finds the certificate that an action names, and its companion device."""

from homeassistant.exceptions import ServiceValidationError

from ..const import DOMAIN
from ..coordinator.protection import ProtectionCoordinator
from ..engine.certificates.certificate import Certificate, ListedCertificate
from ..engine.certificates.companions import CompanionDevice
from ..quoting import shown


class CertificateLookup:
    """The certificates of an account, as Cloudflare has them now."""

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
        certificate = await self.async_find_any(certificate_id)
        if isinstance(certificate, Certificate):
            device_id = self._protection.trust.device_id_of(certificate)
            for device in self._protection.companions:
                if device.id == device_id:
                    return device, certificate
        raise _not_found(certificate_id)

    async def async_find_any(self, certificate_id: str) -> ListedCertificate:
        """Return a certificate of the account's zones, created here or not.

        Raises EngineError, and ServiceValidationError for one that is not there.
        """
        listed = await self._protection.async_read_certificates()
        for certificate in listed.certificates:
            if certificate.id == certificate_id:
                return certificate
        # It may be where nobody could look.
        listed.raise_if_incomplete()
        raise _not_found(certificate_id)


def _not_found(certificate_id: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="certificate_not_found",
        translation_placeholders=shown({"certificate_id": certificate_id}),
    )
