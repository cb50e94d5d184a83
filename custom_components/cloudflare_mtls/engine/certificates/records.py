"""Records of what happened to a certificate after it was created here (pure)."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Record:
    """What came of a certificate after it was created here.

    Taken is when the device fetched it, proven when it reached Home Assistant with it; from
    revoke_old_on at the latest the device's older certificates are revoked.
    """

    created_on: datetime
    taken_on: datetime | None = None
    proven_on: datetime | None = None
    restored_on: datetime | None = None
    revoke_old_on: datetime | None = None

    def took_over(self, now: datetime) -> datetime | None:
        """Return when the device's older certificates had to end, if they had to by now."""
        if self.proven_on:
            return self.proven_on
        due = self.revoke_old_on
        return due if due and due <= now else None

    @classmethod
    def from_data(cls, data: dict[str, str]) -> Self:
        """Read what was stored."""
        return cls(
            **{key: datetime.fromisoformat(value) for key, value in data.items()}
        )

    def as_data(self) -> dict[str, str]:
        """Return what is stored."""
        return {key: value.isoformat() for key, value in asdict(self).items() if value}
