"""Why a zone cannot be read any more, where that is not for a moment (pure)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from ..api.errors import PermissionMissing, Rejected
from ..api.models import Zone
from .settings import in_zone


class Loss(StrEnum):
    """What happened to a zone, as far as it can be told."""

    GONE = "gone"
    REPLACED = "replaced"
    OUT_OF_REACH = "out_of_reach"
    OTHER_ACCOUNT = "other_account"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        """Return whether no zone has the id any more, so that nothing is left in it to change."""
        return self in (Loss.GONE, Loss.REPLACED)


@dataclass(frozen=True, kw_only=True)
class LostZone:
    """A zone that cannot be read before a person does something.

    zone_id: its id.
    name: the domain, or the id where no hostname tells the domain.
    replacement: the zone of the account that its hostnames belong to now.
    reason: what Cloudflare answered.
    """

    zone_id: str
    name: str
    loss: Loss
    replacement: Zone | None
    reason: str


def find_lost_zone(
    zone_id: str,
    error: PermissionMissing | Rejected,
    *,
    known_name: str | None,
    hostnames: Collection[str],
    zones: Iterable[Zone],
    account_id: str,
) -> LostZone | None:
    """Return what happened to a zone that answers with an error, by the zones that the token sees.

    Nothing is returned for an error that is about a permission. The hostnames are those that were protected in the zone; its name is known if it could be read before.
    Source: GET /zones lists no zone that the token does not reach, and none at all without the
    permission.
    """
    by_id = {zone.id: zone for zone in zones}
    there = by_id.get(zone_id)
    fitting = [
        zone
        for zone in by_id.values()
        if zone.account.id == account_id
        and hostnames
        and all(in_zone(hostname, zone) for hostname in hostnames)
    ]
    if isinstance(error, PermissionMissing):
        # A zone may still be there that is more specific than those that the token sees.
        name = known_name or _parent(hostnames)
        fitting = [zone for zone in fitting if zone.name == name]
    replacement = max(fitting, key=lambda zone: len(zone.name), default=None)
    match error:
        case _ if there and there.account.id != account_id:
            loss = Loss.OTHER_ACCOUNT
        case PermissionMissing() if there or not by_id:
            return None
        case Rejected() if there:
            loss = Loss.REFUSED
        case _ if replacement:
            loss = Loss.REPLACED
        case PermissionMissing():
            loss = Loss.OUT_OF_REACH
        case _:
            loss = Loss.GONE
    return LostZone(
        zone_id=zone_id,
        name=there.name if there else known_name or _parent(hostnames) or zone_id,
        loss=loss,
        replacement=replacement if loss is Loss.REPLACED else None,
        reason=error.message if isinstance(error, Rejected) else "",
    )


def _parent(hostnames: Collection[str]) -> str:
    """Return the domain that the hostnames seem to be in: what follows the shortest one's first label."""
    return min(hostnames, key=len, default="").partition(".")[2]
