"""The standing of a certificate at a moment, and how long it is still valid (pure)."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from ..api.models import CertificateStatus

# A renewal needs the person and the device: a month before the expiry is not too early.
EXPIRING_DAYS: Final = 30
URGENT_DAYS: Final = 7


class Standing(StrEnum):
    """What a certificate is good for at a moment."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKING = "revoking"
    REVOKED = "revoked"
    MISSING = "missing"

    @property
    def gets_in(self) -> bool:
        """Return whether the holder of the certificate is let in."""
        return self in (Standing.ACTIVE, Standing.EXPIRING)


def days_left(expires_on: datetime, now: datetime) -> int:
    """Return how many whole days are left, below zero once it has expired.

    Days are 24 hours of UTC: neither daylight saving nor the length of a month counts.
    """
    return (expires_on.astimezone(UTC) - now.astimezone(UTC)) // timedelta(days=1)


def standing(
    status: CertificateStatus | None, expires_on: datetime, now: datetime
) -> Standing | None:
    """Return the standing of a certificate, or None if Cloudflare's status is not known.

    A revoked certificate stays revoked after its expiry. Cloudflare calls an expired one
    active.

    Source: GET /zones/{zone_id}/client_certificates.
    """
    match status:
        case None:
            return None
        case CertificateStatus.REVOKED:
            return Standing.REVOKED
        case CertificateStatus.PENDING_REVOCATION:
            return Standing.REVOKING
        case CertificateStatus.ACTIVE | CertificateStatus.PENDING_REACTIVATION:
            if (left := days_left(expires_on, now)) < 0:
                return Standing.EXPIRED
            return Standing.EXPIRING if left < EXPIRING_DAYS else Standing.ACTIVE
