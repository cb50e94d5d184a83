"""What a person is told of certificates; of zones that cannot be read it stays as it was told (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..coordinator.protection_state import ProtectionState
from ..engine.certificates.certificate import ListedCertificate, own_ids
from ..engine.certificates.companions import CompanionState
from ..engine.certificates.trust import Trust
from ..issues import Issue, companion_issues, revocation_issue, unknown_issue


@dataclass(frozen=True, kw_only=True)
class Told:
    """The devices, the unknown certificates, and those that could not be revoked yet."""

    companions: tuple[CompanionState, ...] = ()
    unknown: tuple[ListedCertificate, ...] = ()
    left: tuple[ListedCertificate, ...] = ()

    def after(self, before: Told, state: ProtectionState, trust: Trust) -> Told:
        """Return this with what was told before of zones that were not read now."""
        read = state.read_zones
        seen = {item.device.id for item in self.companions}
        devices = (
            item
            for item in before.companions
            if item.device.zone_id not in read
            and item.device.id in trust.device_ids
            and item.device.id not in seen
        )
        unknown = (item for item in before.unknown if item.zone_id not in read)
        left = [
            item
            for item in before.left
            if item.zone_id
            and item.zone_id not in read
            and (trust.is_unwanted(item) or trust.is_of_removed_device(item))
        ]
        known = own_ids(left)
        return Told(
            companions=(*self.companions, *devices),
            unknown=(*self.unknown, *trust.unknown_among(unknown)),
            left=(*left, *(item for item in self.left if item.id not in known)),
        )

    def issues(
        self, trust: Trust, names: Mapping[str, str], *, pinned: bool
    ) -> list[Issue]:
        """Return the issues; names are those of the companion devices, by our ids."""
        issues = [issue for item in self.companions for issue in companion_issues(item)]
        if self.unknown:
            issues.append(unknown_issue(self.unknown, pinned=pinned))
        return [
            *issues,
            *(
                revocation_issue(item, names.get(trust.revoked_with(item) or ""))
                for item in self.left
            ),
        ]


def not_listed(
    state: ProtectionState, trust: Trust, is_certificate: Callable[[str], bool]
) -> list[ListedCertificate]:
    """Return the certificates that have to be revoked, and are where nobody could look.

    is_certificate says of an unwanted id whether it is that of a certificate, not of a key.
    """
    due = set(filter(is_certificate, trust.unwanted)).union(
        *(trust.known_ids(device_id) for device_id in trust.removed_ids)
    )
    unlisted = due - set(trust.ended) - own_ids(state.certificates or ())
    return [ListedCertificate.unlisted(item_id) for item_id in sorted(unlisted)]
