"""What a certificate is to be like: as a person chose, or like the one before."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from ..engine.certificates.bundles import BundleFormat
from ..engine.certificates.companions import CompanionDevice, CompanionState
from ..engine.certificates.facts import CertificateFacts
from ..engine.certificates.keys import KeyType
from ..engine.certificates.records import Record

MAX_REVOKE_OLD_AFTER: Final = 365
_VALIDITY_DAYS: Final = 365


@dataclass(frozen=True, kw_only=True)
class CertificateRequest:
    """A certificate to create, and after how many days the older ones are revoked at the latest.

    revoke_old_after: in days, at most MAX_REVOKE_OLD_AFTER.
    is_new: the device is stored with its certificate; otherwise it has to be there already.
    opens: the limited hostnames that a new device may use; limited are all that a person chose from.
    asked_at: how many stops of creations there were when it was asked for; None for now.
    """

    device: CompanionDevice
    validity_days: int
    key_type: KeyType
    bundle_format: BundleFormat
    is_new: bool = False
    revoke_old_after: int | None = None
    opens: frozenset[str] = frozenset()
    limited: frozenset[str] = frozenset()
    asked_at: int | None = None

    @classmethod
    def like_current(
        cls, companion: CompanionState, bundle_format: BundleFormat
    ) -> Self:
        """Return a request for a certificate like the one that the device uses."""
        validity_days, key_type = _VALIDITY_DAYS, KeyType.RSA_2048
        if companion.current:
            facts = companion.current.facts
            # Cloudflare dates the beginning back by minutes.
            validity_days = round(
                (facts.expires_on - facts.issued_on) / timedelta(days=1)
            )
            key_type = facts.key_type
        return cls(
            device=companion.device,
            validity_days=validity_days,
            key_type=key_type,
            bundle_format=bundle_format,
        )

    @property
    def revokes_old_too_late(self) -> bool:
        """Return whether the older ones would be revoked only once this one has expired."""
        days = self.revoke_old_after
        return days is not None and days >= self.validity_days

    def record(self, facts: CertificateFacts) -> Record:
        """Return what to record of the new certificate.

        Its own date is Cloudflare's: the clock of the home may be wrong now, and be set later.
        """
        days, created_on = self.revoke_old_after, facts.issued_on
        return Record(
            fingerprint=facts.fingerprint_sha256,
            device_id=self.device.id,
            created_on=created_on,
            revoke_old_on=None if days is None else created_on + timedelta(days=days),
        )
