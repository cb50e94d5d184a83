"""The companion devices of a config entry, and how their certificates stand."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ..api.models import CertificateStatus
from .credentials import CertificateFacts
from .lifecycle import Standing, days_left, standing
from .records import Record
from .systems import System


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A client certificate and what it says of itself."""

    id: str
    zone_id: str
    status: CertificateStatus | None
    facts: CertificateFacts

    @property
    def is_active(self) -> bool:
        """Tell whether Cloudflare takes it for good, before or after its end."""
        return self.status in (
            CertificateStatus.ACTIVE,
            CertificateStatus.PENDING_REACTIVATION,
        )

    def stands(self, now: datetime) -> Standing | None:
        """Return how it stands, or None where Cloudflare's status is not known."""
        return standing(self.status, self.facts.expires_on, now)

    def gets_in(self, now: datetime) -> bool:
        """Tell whether who holds it is let in, as far as is known."""
        stands = self.stands(now)
        return stands is not None and stands.gets_in

    @property
    def device_id(self) -> str:
        """Return the device that it is for; one made elsewhere stands for itself."""
        return self.facts.device_id if self.facts.managed else self.id


@dataclass(frozen=True, kw_only=True)
class CompanionDevice:
    """A phone, tablet, watch or computer that holds a certificate."""

    id: str
    name: str
    system: System
    zone_id: str
    notify_device_id: str | None = None


class HandoverState(StrEnum):
    """How far the handover of a device's newest certificate came."""

    WAITING = "waiting"
    MISSED = "missed"
    TAKEN = "taken"
    PROVEN = "proven"


@dataclass(frozen=True, kw_only=True)
class CompanionState:
    """A companion device and how its certificates stand.

    Current is the one that the device uses as far as anybody knows; outdated are those that
    have to be revoked now, since a newer one took over.
    """

    device: CompanionDevice
    certificates: Mapping[Certificate, Standing | None]
    current: Certificate | None
    standing: Standing | None
    days_left: int | None
    handover: HandoverState | None
    outdated: tuple[Certificate, ...]


def companion_states(
    devices: Collection[CompanionDevice],
    certificates: Iterable[Certificate],
    records: Mapping[str, Record],
    is_waiting: Callable[[str], bool],
    now: datetime,
) -> Mapping[str, CompanionState]:
    """Return how each device stands, by its id."""
    of_device: dict[str, list[Certificate]] = {device.id: [] for device in devices}
    for certificate in certificates:
        if certificate.device_id in of_device:
            of_device[certificate.device_id].append(certificate)
    return {
        device.id: _state(
            device,
            sorted(of_device[device.id], key=lambda item: _created_on(item, records)),
            records,
            is_waiting,
            now,
        )
        for device in devices
    }


def _state(
    device: CompanionDevice,
    certificates: list[Certificate],
    records: Mapping[str, Record],
    is_waiting: Callable[[str], bool],
    now: datetime,
) -> CompanionState:
    active = [item for item in certificates if item.is_active]
    installed = [item for item in active if _is_installed(item, records)]
    current = next(iter((installed or active or certificates)[-1:]), None)
    return CompanionState(
        device=device,
        certificates={item: item.stands(now) for item in certificates},
        current=current,
        standing=current.stands(now) if current else Standing.MISSING,
        days_left=days_left(current.facts.expires_on, now) if current else None,
        handover=_handover(active[-1], records, is_waiting) if active else None,
        outdated=_outdated(active, records, is_waiting, now),
    )


def _created_on(certificate: Certificate, records: Mapping[str, Record]) -> datetime:
    """Return when a certificate was made; Cloudflare dates them back to the minute."""
    record = records.get(certificate.id)
    return record.created_on if record else certificate.facts.issued_on


def _is_installed(certificate: Certificate, records: Mapping[str, Record]) -> bool:
    """Tell whether a device may hold the certificate: nobody knows of what came before us."""
    record = records.get(certificate.id)
    return record is None or record.taken_on is not None


def _handover(
    certificate: Certificate,
    records: Mapping[str, Record],
    is_waiting: Callable[[str], bool],
) -> HandoverState | None:
    record = records.get(certificate.id)
    if record is None:
        return None
    if record.proven_on:
        return HandoverState.PROVEN
    if record.taken_on:
        return HandoverState.TAKEN
    if is_waiting(certificate.id):
        return HandoverState.WAITING
    return HandoverState.MISSED


def _outdated(
    active: list[Certificate],
    records: Mapping[str, Record],
    is_waiting: Callable[[str], bool],
    now: datetime,
) -> tuple[Certificate, ...]:
    """Return what a newer certificate has replaced, unless a person restored it since.

    One that nobody fetched is replaced by any newer one: its key is gone.
    """
    took_over: datetime | None = None
    outdated: list[Certificate] = []
    for certificate in reversed(active):
        record = records.get(certificate.id)
        restored_on = record.restored_on if record else None
        unused = not (_is_installed(certificate, records) or is_waiting(certificate.id))
        if restored_on and (took_over is None or restored_on >= took_over):
            continue
        if took_over or (unused and certificate is not active[-1]):
            outdated.append(certificate)
        elif record:
            took_over = record.took_over(now)
    return tuple(outdated)


def next_expiry(certificates: Iterable[Certificate], now: datetime) -> datetime | None:
    """Return when the next certificate that is good now ends, wherever it was made."""
    return min(
        (item.facts.expires_on for item in certificates if item.gets_in(now)),
        default=None,
    )
