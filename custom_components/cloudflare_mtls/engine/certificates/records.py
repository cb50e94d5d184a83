"""Records of what happened to a certificate after it was created here (pure)."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Self, TypedDict

_TEXTS: Final = ("fingerprint", "device_id")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A certificate that was created here, and what happened to it since.

    fingerprint: its SHA-256 fingerprint, in lowercase hex.
    device_id: the companion device that it was created for, by our own id.
    taken_on: when the device fetched it.
    proven_on: when the device reached Home Assistant with it.
    restored_on: when a person last took its revocation back.
    revoke_old_on: when the device's older certificates are revoked, proven or not.
    """

    fingerprint: str
    device_id: str
    created_on: datetime
    taken_on: datetime | None = None
    proven_on: datetime | None = None
    restored_on: datetime | None = None
    revoke_old_on: datetime | None = None

    def replaced_older_on(self, now: datetime) -> datetime | None:
        """Return when it replaced the device's older certificates; None if it has not yet."""
        if self.proven_on:
            return self.proven_on
        due = self.revoke_old_on
        return due if due and due <= now else None

    @classmethod
    def from_data(cls, data: dict[str, str]) -> Self:
        """Read a record from how it is stored."""
        moments = {
            key: datetime.fromisoformat(value)
            for key, value in data.items()
            if key not in _TEXTS
        }
        return cls(
            fingerprint=data["fingerprint"], device_id=data["device_id"], **moments
        )

    def as_data(self) -> dict[str, str]:
        """Return the record as it is stored."""
        return {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in asdict(self).items()
            if value
        }


class Changes(TypedDict, total=False):
    """What can happen to a certificate that was created here, and when it did."""

    taken_on: datetime
    proven_on: datetime
    restored_on: datetime


def may_be_installed(record: Record | None) -> bool:
    """Return whether the device may hold the certificate.

    What happened to a certificate without a record is not known: it may be in use.
    """
    return record is None or record.taken_on is not None
