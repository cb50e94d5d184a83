"""Finds the certificate that an action names, and its companion device."""

from dataclasses import dataclass

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError

from ..const import DOMAIN
from ..coordinator.protection import ProtectionCoordinator
from ..engine.api.errors import NotListed
from ..engine.certificates.certificate import Certificate, ListedCertificate
from ..engine.certificates.companions import CompanionDevice
from ..quoting import shown
from .creations import async_get_creations


@dataclass(frozen=True, kw_only=True)
class FoundCertificate:
    """A certificate, its companion device, and how many stops there were when it was asked for."""

    device: CompanionDevice
    certificate: Certificate
    asked_at: int


class CertificateLookup:
    """The certificates of an account, as Cloudflare has them now."""

    def __init__(self, hass: HomeAssistant, protection: ProtectionCoordinator) -> None:
        """Take the coordinator that knows the certificates."""
        self._protection = protection
        self._creations = async_get_creations(hass)

    @property
    def _account(self) -> str:
        return self._protection.config_entry.title

    async def async_find(self, certificate_id: str) -> FoundCertificate:
        """Return a certificate and its companion device.

        Raises EngineError, and ServiceValidationError for a certificate that belongs to no
        companion device of this account.
        """
        asked_at = self._creations.stops
        certificate = await self.async_find_any(certificate_id)
        if isinstance(certificate, Certificate):
            device_id = self._protection.trust.device_id_of(certificate)
            for device in self._protection.companions:
                if device.id == device_id:
                    return FoundCertificate(
                        device=device, certificate=certificate, asked_at=asked_at
                    )
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="certificate_of_nobody",
            translation_placeholders=shown(
                {"certificate_id": certificate_id, "account": self._account}
            ),
        )

    async def async_find_any(self, certificate_id: str) -> ListedCertificate:
        """Return a certificate of the account's zones, created here or not.

        Raises EngineError, and ServiceValidationError for one that nobody knows.
        """
        listed = await self._protection.async_read_certificates()
        for certificate in listed.certificates:
            if certificate.id == certificate_id:
                return certificate
        # It may be where nobody could look.
        listed.raise_if_incomplete()
        if self._protection.ledger.knows(certificate_id):
            raise NotListed
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="certificate_not_found",
            translation_placeholders=shown(
                {"certificate_id": certificate_id, "account": self._account}
            ),
        )
