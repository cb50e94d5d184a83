"""How companion devices use their certificates, as far as the edge told (pure)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .companions import CompanionState


class CertificateInUse(StrEnum):
    """Which of its certificates a device used last."""

    NEWEST = "newest"
    OLDER = "older"


@dataclass(frozen=True, kw_only=True)
class DeviceUse:
    """When a companion device last used a certificate, and which one; None where nothing was told.

    fingerprint: the SHA-256 of the certificate, in lowercase hex.
    """

    last_seen: datetime | None = None
    fingerprint: str | None = None

    def certificate_in_use(
        self, companion: CompanionState | None
    ) -> CertificateInUse | None:
        """Return which of its certificates the device used, None where it is not known."""
        if self.fingerprint is None or companion is None or companion.current is None:
            return None
        newest = companion.current.facts.fingerprint_sha256
        return (
            CertificateInUse.NEWEST
            if self.fingerprint == newest
            else CertificateInUse.OLDER
        )
