"""Records of what happened to a certificate after it was created here (pure)."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final, Self, TypedDict

# Nobody can see which certificate a device showed in its test: it may have been the older one.
GRACE: Final = timedelta(days=7)

_TEXTS: Final = frozenset({"fingerprint", "device_id", "test_digest"})


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """Since when a certificate replaces the device's older ones, and when they are revoked."""

    since: datetime
    revokes_on: datetime

    def spares(self, restored_on: datetime | None) -> bool:
        """Return whether a person has restored an older certificate since."""
        return restored_on is not None and restored_on >= self.since


@dataclass(frozen=True, kw_only=True)
class Record:
    """A certificate that was created here, and what happened to it since.

    fingerprint: its SHA-256 fingerprint, in lowercase hex.
    device_id: the companion device that it was created for, by our own id.
    taken_on: when the device fetched it.
    test_digest: SHA-256 of the token that the device then got, to test the certificate once.
    proven_on: when the device reached Home Assistant with it.
    restored_on: when a person last took its revocation back.
    revoke_old_on: when the device's older certificates are revoked, proven or not, once it
    fetched this one.
    """

    fingerprint: str
    device_id: str
    created_on: datetime
    taken_on: datetime | None = None
    test_digest: str | None = None
    proven_on: datetime | None = None
    restored_on: datetime | None = None
    revoke_old_on: datetime | None = None

    def is_tested_with(self, digest: str) -> bool:
        """Return whether this is the digest of the token that the device got with its bundle."""
        return self.test_digest is not None and compare_digest(self.test_digest, digest)

    def replacements(self, now: datetime) -> list[Replacement]:
        """Return how it replaces the device's older certificates: by its date, by a proof, or both.

        One that a person has restored since replaces none: the device used it before, and may
        use another one now.
        """
        found = []
        if self.taken_on and (due := self.revoke_old_on) and due <= now:
            found.append(Replacement(since=due, revokes_on=due))
        if proven := self.proven_on:
            found.append(Replacement(since=proven, revokes_on=proven + GRACE))
        return [item for item in found if not item.spares(self.restored_on)]

    @classmethod
    def from_data(cls, data: dict[str, str]) -> Self:
        """Read a record from how it is stored."""
        read: dict[str, Any] = {
            key: value if key in _TEXTS else datetime.fromisoformat(value)
            for key, value in data.items()
        }
        return cls(**read)

    def as_data(self) -> dict[str, str]:
        """Return the record as it is stored."""
        return {
            key: value if key in _TEXTS else value.isoformat()
            for key, value in asdict(self).items()
            if value
        }


class Changes(TypedDict, total=False):
    """What can happen to a certificate that was created here, and when it did."""

    taken_on: datetime
    test_digest: str
    proven_on: datetime
    restored_on: datetime


def token_digest(token: str) -> str:
    """Return what is kept of a token: from it, nobody finds the token."""
    return sha256(token.encode()).hexdigest()


def may_be_installed(record: Record | None) -> bool:
    """Return whether the device may hold the certificate.

    What happened to a certificate without a record is not known: it may be in use.
    """
    return record is None or record.taken_on is not None
