"""What a person is told of certificates; of zones that are not read it stays as it was told (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..coordinator.protection_state import ProtectionState
from ..engine.certificates.certificate import ListedCertificate, own_ids
from ..engine.certificates.companions import CompanionState
from ..engine.certificates.trust import Trust
from ..issues import Issue, companion_issues, revocation_issue


@dataclass(frozen=True, kw_only=True)
class Told:
    """The devices, the unknown certificates, and those that could not be revoked yet."""

    companions: tuple[CompanionState, ...] = ()
    unknown: tuple[ListedCertificate, ...] = ()
    left: tuple[ListedCertificate, ...] = ()

    def after(self, before: Told, state: ProtectionState, trust: Trust) -> Told:
        """Return this with what was told before of zones that are not read now."""
        devices = (
            item
            for item in before.companions
            if item.device.zone_id not in state.read_zones
            and item.device.id in trust.device_ids
        )
        unknown = (
            item for item in before.unknown if item.zone_id not in state.read_zones
        )
        left = [
            item
            for item in before.left
            if item.is_listed
            and item.zone_id not in state.read_zones
            and not trust.is_revoked(item)
        ]
        known = own_ids(left)
        return Told(
            companions=(*self.companions, *devices),
            unknown=(*self.unknown, *trust.unknown_among(unknown)),
            left=(*left, *(item for item in self.left if item.id not in known)),
        )

    def issues(self, trust: Trust, names: Mapping[str, str]) -> list[Issue]:
        """Return the issues of what is known here; names are those of the devices, by our ids."""
        return [
            *(issue for item in self.companions for issue in companion_issues(item)),
            *(
                revocation_issue(item, names.get(trust.revoked_with(item) or ""))
                for item in self.left
            ),
        ]


def not_seen(state: ProtectionState, trust: Trust) -> list[ListedCertificate]:
    """Return the certificates that have to be revoked, and are where nobody could look."""
    known = trust.records.keys() | trust.confirmed.keys()
    due = known.intersection(trust.unwanted).union(
        *(trust.known_ids(device_id) for device_id in trust.removed_ids)
    )
    unseen = due - own_ids(state.certificates or ())
    return [ListedCertificate.unlisted(item_id) for item_id in sorted(unseen)]
