"""What the coordinator of the protection saw; other coordinators and entities read it (pure)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Final

from ..engine.api.models import CertificateStatus, Observation, Zone
from ..engine.certificates.certificate import Certificate, ListedCertificate, readable
from ..engine.certificates.companions import (
    CompanionDevice,
    CompanionState,
    companion_states,
    next_expiry,
)
from ..engine.certificates.orders import Orders
from ..engine.certificates.trust import Trust
from ..engine.rules.exposure import lets_in
from ..engine.sync.lost_zones import LostZone
from ..engine.sync.plan import Plan
from ..engine.sync.settings import HostnameSettings

_PENDING: Final = (
    CertificateStatus.PENDING_REVOCATION,
    CertificateStatus.PENDING_REACTIVATION,
)


@dataclass(frozen=True, kw_only=True)
class ProtectionState:
    """What was last seen at Cloudflare.

    Plans and observations are by zone. A plan is None, and an observation is not there, where
    the zone could not be read. They are current if they are of the last time that Cloudflare was asked;
    where nothing could be read then, they are of before. Certificates and companions are None where
    no zone's could be read.
    Unread zones are those whose certificates are not known; nothing is said of their companion
    devices. Read zones are those whose certificates are listed, and is_complete says that these are
    all that the token reaches. Visible zones are all that the token sees, those of other accounts
    too. Lost zones will not be readable before a person does something. Unknown certificates may let
    somebody in, and are not trusted. Removed devices were removed so long before Cloudflare was
    asked that its lists show what came of that: of later ones, a list may lack the newest
    certificate. Orders are those that were given before Cloudflare was asked.
    """

    plans: Mapping[str, Plan | None]
    observations: Mapping[str, Observation]
    is_current: bool = True
    certificates: tuple[ListedCertificate, ...] | None = None
    is_complete: bool = False
    unread_zones: frozenset[str] = frozenset()
    read_zones: frozenset[str] = frozenset()
    removed_devices: frozenset[str] = frozenset()
    orders: Orders = field(default_factory=Orders, compare=False)
    lost_zones: Mapping[str, LostZone] = MappingProxyType({})
    visible_zones: tuple[Zone, ...] = ()
    companions: Mapping[str, CompanionState] | None = None
    unknown_certificates: tuple[ListedCertificate, ...] = ()
    next_expiry: datetime | None = None

    def plan_in(self, zone_id: str) -> Plan | None:
        """Return the plan of a zone as it is now, or None where that is not known."""
        return self.plans.get(zone_id) if self.is_current else None

    def plan_of(self, settings: HostnameSettings) -> Plan | None:
        """Return the plan of a hostname's zone, or None where too little of both is known."""
        observation = self.observations.get(settings.zone_id)
        if observation is None:
            return None
        if settings.protected.tunnel_id in observation.unread_tunnels:
            return None
        return self.plan_in(settings.zone_id)

    def is_gone(self, zone_id: str) -> bool:
        """Return whether no zone has this id any more."""
        lost = self.lost_zones.get(zone_id)
        return lost is not None and lost.loss.is_final

    def is_closed(self, settings: HostnameSettings) -> bool:
        """Return whether a hostname is known to let nobody in who must not."""
        plan = self.plan_of(settings)
        return plan is not None and not plan.exposes(settings.hostname)

    def lets_in(
        self, settings: HostnameSettings, certificate: Certificate
    ) -> bool | None:
        """Return whether the rules let a good certificate in at a hostname; None if that is not known."""
        observation = self.observations.get(settings.zone_id)
        if observation is None or not self.is_current:
            return None
        fingerprint = certificate.facts.fingerprint_sha256
        return lets_in(observation.ruleset, settings.hostname, fingerprint)

    def _stands_in(
        self,
        hostnames: Collection[HostnameSettings],
        newer: Certificate,
        older: Certificate,
    ) -> bool:
        """Return whether one certificate is known to be let in wherever an older one is.

        A zone that is lost to the token counts for neither of them.
        """
        return all(
            self.lets_in(item, newer) or self.lets_in(item, older) is False
            for item in hostnames
            if item.zone_id not in self.lost_zones
        )

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
        hostnames: Collection[HostnameSettings],
    ) -> ProtectionState:
        """Return the state with what the certificates mean to devices at this moment."""
        if self.certificates is None:
            return self
        certificates = readable(self.certificates)
        known = [item for item in devices if item.zone_id not in self.unread_zones]
        stands_in = partial(self._stands_in, hostnames)
        return replace(
            self,
            companions=companion_states(
                known, certificates, trust, is_waiting, stands_in, now
            ),
            unknown_certificates=trust.unknown_among(self.certificates),
            next_expiry=next_expiry(certificates, now),
        )
