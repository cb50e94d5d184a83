"""Companion devices, and the state of their certificates (pure)."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum

from .certificate import Certificate
from .creation_order import oldest_first
from .lifecycle import Standing, days_left
from .outdated import revocation_dates
from .records import Record, may_be_installed
from .systems import System
from .trust import Trust


@dataclass(frozen=True, kw_only=True)
class CompanionDevice:
    """A phone, tablet, watch or computer that holds a certificate.

    hostname: the one that it uses, None where nobody chose one.
    """

    id: str
    name: str
    system: System
    zone_id: str
    hostname: str | None = None
    notify_device_id: str | None = None

    def with_changes(
        self, *, before: CompanionDevice, after: CompanionDevice
    ) -> CompanionDevice:
        """Return the device with what a person changed of it as they saw it; the rest stays."""
        old = asdict(before).items()
        return replace(self, **dict(asdict(after).items() - old))


class HandoverState(StrEnum):
    """How far the handover of a device's newest certificate came."""

    WAITING = "waiting"
    MISSED = "missed"
    TAKEN = "taken"
    PROVEN = "proven"


@dataclass(frozen=True, kw_only=True)
class CompanionState:
    """A companion device and the state of its certificates.

    standing: None where it is not known, also where only an unknown certificate is for the device,
    or says so.
    current: the certificate that the device uses, as far as is known.
    restorable: the revoked one that lets the device in once it is restored, if it is certain which.
    replaced: certificates that a newer one replaced, and that are revoked later.
    outdated: those that are to be revoked now.
    """

    device: CompanionDevice
    certificates: Mapping[Certificate, Standing | None]
    current: Certificate | None
    standing: Standing | None
    days_left: int | None
    handover: HandoverState | None
    restorable: Certificate | None
    replaced: tuple[Certificate, ...]
    outdated: tuple[Certificate, ...]

    @property
    def is_revoked(self) -> bool:
        """Return whether the device is kept out because somebody wanted it."""
        return self.standing in (Standing.REVOKING, Standing.REVOKED)


def companion_states(
    devices: Collection[CompanionDevice],
    certificates: Collection[Certificate],
    trust: Trust,
    is_waiting: Callable[[str], bool],
    stands_in: Callable[[Certificate, Certificate], bool],
    now: datetime,
) -> Mapping[str, CompanionState]:
    """Return the state of each device, by its id.

    is_waiting says of a certificate whether its bundle waits to be fetched, and stands_in whether
    the first of two certificates is let in wherever the second one is.
    """
    of_device: dict[str, list[Certificate]] = {device.id: [] for device in devices}
    for certificate in oldest_first(certificates, trust):
        if (device_id := trust.device_id_of(certificate)) in of_device:
            of_device[device_id].append(certificate)
    records = {
        item.id: record for item in certificates if (record := trust.record_of(item))
    }
    claimed = {
        trust.claimed_device_id(item) for item in trust.unknown_among(certificates)
    }
    return {
        device.id: _state(
            device,
            of_device[device.id],
            records,
            trust,
            is_waiting,
            stands_in,
            now,
            without_any=None if device.id in claimed else Standing.MISSING,
        )
        for device in devices
    }


def _state(
    device: CompanionDevice,
    certificates: list[Certificate],
    records: Mapping[str, Record],
    trust: Trust,
    is_waiting: Callable[[str], bool],
    stands_in: Callable[[Certificate, Certificate], bool],
    now: datetime,
    *,
    without_any: Standing | None,
) -> CompanionState:
    """Return the state of a device with these certificates, oldest first.

    One that a person does not want replaces none, wherever Cloudflare still lets it in.
    """
    active = {
        item.id: item for item in certificates if item.is_active and trust.trusts(item)
    }
    unknown = set(trust.unknown_among(certificates))
    known = [item for item in certificates if item not in unknown]
    current = _current(known, list(active.values()), records, now)
    if unknown:
        without_any = None
    left = {item.id: item for item in certificates if item.is_active}
    while left and next(reversed(left)) not in active:
        # Nothing that is wanted is newer.
        left.popitem()
    ends = {key: item.facts.expires_on for key, item in left.items()}
    wanted = {key: records[key] for key in active if key in records}
    dates = revocation_dates(
        list(left),
        wanted,
        is_waiting,
        lambda newer, older: stands_in(left[newer], left[older]),
        now,
        ends=ends,
    )
    standing = _standing(current, trust, now) if current else without_any
    is_revoked = standing in (Standing.REVOKING, Standing.REVOKED)
    in_use = trust.in_use.get(device.id)
    return CompanionState(
        device=device,
        certificates={item: item.standing_at(now) for item in certificates},
        current=current,
        standing=standing,
        restorable=_restorable(known, records, in_use, now) if is_revoked else None,
        days_left=days_left(current.facts.expires_on, now) if current else None,
        handover=_handover(list(active), records, is_waiting),
        replaced=tuple(left[key] for key, date in dates.items() if date > now),
        outdated=tuple(left[key] for key, date in dates.items() if date <= now),
    )


def _current(
    certificates: list[Certificate],
    active: list[Certificate],
    records: Mapping[str, Record],
    now: datetime,
) -> Certificate | None:
    """Return the newest certificate that the device may hold, or the newest if it holds none.

    While any of the active ones lets its holder in, others do not count, nor do expired ones while
    it may hold one that does: the device can only use another one.
    """
    usable = [item for item in active if item.gets_in(now)]
    installed = [
        item
        for item in (active if usable else certificates)
        if may_be_installed(records.get(item.id))
    ]
    in_use = [item for item in installed if usable and item.gets_in(now)]
    candidates = in_use or installed or active or certificates
    return candidates[-1] if candidates else None


def _restorable(
    certificates: list[Certificate],
    records: Mapping[str, Record],
    in_use: str | None,
    now: datetime,
) -> Certificate | None:
    """Return the certificate that a revoked device used, if it is certain which one that was.

    Another one may have been revoked for a reason of its own, because its key was stolen.

    Source: PATCH /zones/{zone_id}/client_certificates/{client_certificate_id}; one that has
    expired can be restored too, but lets nobody in.
    """
    used = [item for item in certificates if item.id == in_use]
    if in_use is None:
        used = [item for item in certificates if may_be_installed(records.get(item.id))]
    match used:
        case [certificate] if days_left(certificate.facts.expires_on, now) >= 0:
            return certificate
    return None


def _standing(certificate: Certificate, trust: Trust, now: datetime) -> Standing | None:
    """Return the standing of a certificate: one that has to be revoked counts as good no more."""
    if certificate.is_active and trust.is_unwanted(certificate):
        return Standing.REVOKING
    return certificate.standing_at(now)


def _handover(
    active_ids: list[str],
    records: Mapping[str, Record],
    is_waiting: Callable[[str], bool],
) -> HandoverState | None:
    """Return how far the handover of the newest certificate came, if it is known."""
    if not active_ids:
        return None
    newest = active_ids[-1]
    record = records.get(newest)
    if record is None:
        return None
    if record.proven_on:
        return HandoverState.PROVEN
    if record.taken_on:
        return HandoverState.TAKEN
    return HandoverState.WAITING if is_waiting(newest) else HandoverState.MISSED


def next_expiry(certificates: Iterable[Certificate], now: datetime) -> datetime | None:
    """Return when the next certificate that gets in now expires, wherever it was made."""
    return min(
        (item.facts.expires_on for item in certificates if item.gets_in(now)),
        default=None,
    )
