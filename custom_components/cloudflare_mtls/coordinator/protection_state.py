"""What the coordinator of the protection saw; other coordinators and entities read it (pure)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ..engine.api.models import CertificateStatus, Observation
from ..engine.certificates.companions import (
    Certificate,
    CompanionDevice,
    CompanionState,
    companion_states,
    next_expiry,
)
from ..engine.sync.plan import Plan
from ..storage.ledger import Ledger

_PENDING: Final = (
    CertificateStatus.PENDING_REVOCATION,
    CertificateStatus.PENDING_REACTIVATION,
)


@dataclass(frozen=True, kw_only=True)
class ProtectionState:
    """What was last seen at Cloudflare.

    Plans and observations are by zone. A plan is None, and an observation is not there, where
    the token may not read the zone; certificates and companions are None where it may not read
    certificates. Unknown certificates are active ones from elsewhere that nobody accepted.
    """

    plans: Mapping[str, Plan | None]
    observations: Mapping[str, Observation]
    certificates: tuple[Certificate, ...] | None
    companions: Mapping[str, CompanionState] | None = None
    unknown_certificates: tuple[Certificate, ...] = ()
    next_expiry: datetime | None = None

    @property
    def has_pending_certificates(self) -> bool:
        """Return whether Cloudflare still has to revoke or restore certificates everywhere."""
        return any(item.status in _PENDING for item in self.certificates or ())

    def judged(
        self,
        devices: Collection[CompanionDevice],
        removed_devices: Collection[str],
        ledger: Ledger,
        is_waiting: Callable[[str], bool],
        now: datetime,
    ) -> ProtectionState:
        """Return the state with what the certificates mean to devices at this moment."""
        if self.certificates is None:
            return self
        known = {*(device.id for device in devices), *removed_devices}
        return replace(
            self,
            companions=companion_states(
                devices, self.certificates, ledger.records, is_waiting, now
            ),
            unknown_certificates=tuple(
                item
                for item in self.certificates
                # What another Home Assistant created is known to that one.
                if item.is_active
                and not item.facts.managed
                and item.device_id not in known
                and not ledger.is_accepted(item.id)
            ),
            next_expiry=next_expiry(self.certificates, now),
        )
