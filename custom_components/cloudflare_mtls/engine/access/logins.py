"""Folds the rows of the log of logins: one login makes several (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..api.access_models import LoginRow

# Rows of one login follow each other within seconds: one for each thing that a page loads.
_SAME_LOGIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Login:
    """A login, or a refused attempt, to one application.

    at: when it began; ray_ids: those of all of its rows, by which it is recognized later.
    hostname: where it was; earlier versions did not store it.
    """

    application_id: str
    email: str
    allowed: bool
    at: datetime
    address: str
    country: str
    method: str
    ray_ids: frozenset[str]
    hostname: str = ""

    @property
    def has_session(self) -> bool:
        """Return whether somebody was let in whose sessions can be ended: their address is known."""
        return self.allowed and bool(self.email)


def fold_logins(rows: Iterable[LoginRow]) -> tuple[Login, ...]:
    """Return the logins that rows tell of, the oldest first.

    Rows of the same person, address, application, hostname, login method and result belong to one login as long as no more
    than a minute lies between two of them.
    """
    logins: list[Login] = []
    latest: dict[tuple[str | bool, ...], list[LoginRow]] = {}
    for row in sorted(rows, key=lambda row: row.at):
        key = (
            row.application_id,
            row.hostname,
            row.email,
            row.address,
            row.method,
            row.allowed,
        )
        group = latest.get(key, [])
        if group and row.at - group[-1].at <= _SAME_LOGIN:
            group.append(row)
            continue
        if group:
            logins.append(_folded(group))
        latest[key] = [row]
    logins += map(_folded, latest.values())
    return tuple(sorted(logins, key=lambda login: login.at))


def _folded(rows: list[LoginRow]) -> Login:
    first = rows[0]
    return Login(
        application_id=first.application_id,
        email=first.email,
        allowed=first.allowed,
        at=first.at,
        address=first.address,
        country=first.country,
        method=first.method,
        # A row that has no id is recognized by its time.
        ray_ids=frozenset(row.ray_id or row.at.isoformat() for row in rows),
        hostname=first.hostname,
    )
