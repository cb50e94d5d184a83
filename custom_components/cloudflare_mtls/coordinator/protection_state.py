"""What the coordinator of the protection saw; other coordinators and entities read it (pure)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ..engine.api.models import CertificateStatus, Observation
from ..engine.certificates.certificate import ListedCertificate, readable
from ..engine.certificates.companions import (
    CompanionDevice,
    CompanionState,
    companion_states,
    next_expiry,
)
from ..engine.certificates.trust import Trust
from ..engine.sync.plan import Plan

_PENDING: Final = (
    CertificateStatus.PENDING_REVOCATION,
    CertificateStatus.PENDING_REACTIVATION,
)


@dataclass(frozen=True, kw_only=True)
class ProtectionState:
    """What was last seen at Cloudflare.

    Plans and observations are by zone. A plan is None, and an observation is not there, where
    the token may not read the zone; certificates and companions are None where it may not read
    certificates. Unknown certificates may let somebody in, and are not trusted.
    """

    plans: Mapping[str, Plan | None]
    observations: Mapping[str, Observation]
    certificates: tuple[ListedCertificate, ...] | None
    companions: Mapping[str, CompanionState] | None = None
    unknown_certificates: tuple[ListedCertificate, ...] = ()
    next_expiry: datetime | None = None

    @property
    def has_pending_certificates(self) -> bool:
        """Return whether Cloudflare still has to revoke or restore certificates everywhere."""
        return any(item.status in _PENDING for item in self.certificates or ())

    def judged(
        self,
        devices: Collection[CompanionDevice],
        trust: Trust,
        is_waiting: Callable[[str], bool],
        now: datetime,
    ) -> ProtectionState:
        """Return the state with what the certificates mean to devices at this moment."""
        if self.certificates is None:
            return self
        certificates = readable(self.certificates)
        return replace(
            self,
            companions=companion_states(devices, certificates, trust, is_waiting, now),
            unknown_certificates=trust.unknown_among(self.certificates),
            next_expiry=next_expiry(certificates, now),
        )
