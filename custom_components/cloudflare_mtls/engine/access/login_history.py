"""What the log of logins tells of each login hostname, and which of it is news (pure)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nlargest
from typing import Final

from ..api.access_models import LoginRow, LoginRows
from .login_places import LoginPlaces
from .logins import Login, fold_logins

# As long as the free plan keeps the log.
WINDOW: Final = timedelta(hours=24)
# Rows may appear in the log a while after the login, so that this much of it is read again.
_OVERLAP: Final = timedelta(minutes=30)
# As many rows fit on a page, with as many new ones, so that they cost no call.
_READ_AGAIN: Final = 50
# Of those who were let in, and of those who were refused: anybody can add to the latter.
_MOST_ROWS: Final = 2000


@dataclass(frozen=True, kw_only=True)
class LoginHistory:
    """The logins at one hostname within the last day, the oldest first.

    last: when somebody was let in last, which may be longer ago.
    """

    last: Login | None = None
    recent: tuple[Login, ...] = ()

    @property
    def refused(self) -> tuple[Login, ...]:
        """Return the attempts that were refused."""
        return tuple(login for login in self.recent if not login.allowed)


@dataclass(frozen=True, kw_only=True)
class LoginLog:
    """The rows of the last day, as they were read so far.

    read_until: up to when the log was read, None before the first time. cut_at: when it last had
    more rows than were read, or had lost some before; allowed_cut_at: when people who were let in may
    have been among them.
    """

    rows: tuple[LoginRow, ...] = ()
    read_until: datetime | None = None
    cut_at: datetime | None = None
    allowed_cut_at: datetime | None = None
    logins: tuple[Login, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the rows."""
        object.__setattr__(self, "logins", fold_logins(self.rows))

    def unread_since(self, now: datetime) -> datetime:
        """Return from when on to read the log now.

        The times of rows are Cloudflare's. Where the clock of the home is ahead, what came last
        seems to be a while ago, so that some of what is known is read again.
        """
        begin = now - WINDOW
        if self.read_until is None:
            return begin
        newest = nlargest(_READ_AGAIN, (row.at for row in self.rows))
        known = newest[-1] if len(newest) == _READ_AGAIN else begin
        return max(begin, min(known, self.read_until - _OVERLAP))

    def with_rows(self, read: LoginRows, now: datetime) -> LoginLog:
        """Return the log with rows that were read now, without those that are too old or too many."""
        begin = now - WINDOW
        recent = {row for row in (*self.rows, *read.rows) if row.at >= begin}
        has_gap = self.read_until is not None and self.read_until < begin
        is_whole = read.is_whole and not has_gap
        has_all_allowed = read.has_all_allowed and not has_gap
        return LoginLog(
            rows=(
                *_newest(row for row in recent if row.allowed),
                *_newest(row for row in recent if not row.allowed),
            ),
            read_until=now,
            cut_at=_since(begin, self.cut_at) if is_whole else now,
            allowed_cut_at=_since(begin, self.allowed_cut_at)
            if has_all_allowed
            else now,
        )

    @property
    def ray_ids(self) -> frozenset[str]:
        """Return what all logins are recognized by."""
        return frozenset[str]().union(*(login.ray_ids for login in self.logins))

    def untold(self, told: Collection[str]) -> tuple[Login, ...]:
        """Return the logins of which no row was told before, by ray ids."""
        return tuple(login for login in self.logins if login.ray_ids.isdisjoint(told))

    def histories(
        self, places: LoginPlaces, last: Mapping[str, Login]
    ) -> Mapping[str, LoginHistory]:
        """Return what happened at each hostname of which that is known.

        last: the last login that was known of a hostname so far.
        """
        logins: dict[str, list[Login]] = {hostname: [] for hostname in places.seen}
        for login in self.logins:
            hostname = places.of(login)
            if hostname in logins:
                logins[hostname].append(login)
        return {
            hostname: _history(each, last.get(hostname))
            for hostname, each in logins.items()
        }


def newest_by_person(logins: Iterable[Login]) -> list[Login]:
    """Return the last login of each person whose address is known, the newest first."""
    in_order = sorted(logins, key=lambda login: login.at)
    by_email = {login.email: login for login in in_order if login.email}
    return sorted(by_email.values(), key=lambda login: login.at, reverse=True)


def _since(begin: datetime, at: datetime | None) -> datetime | None:
    """Return when something was, unless that is too long ago."""
    return at if at is not None and at >= begin else None


def _newest(rows: Iterable[LoginRow]) -> list[LoginRow]:
    """Return as many rows as are kept; one that is not does not come back with a later look."""
    return sorted(rows, key=lambda row: (row.at, row.ray_id))[-_MOST_ROWS:]


def _history(logins: Collection[Login], last: Login | None) -> LoginHistory:
    allowed = [login for login in logins if login.allowed]
    known = [*([last] if last else ()), *allowed]
    return LoginHistory(
        last=max(known, key=lambda login: login.at, default=None),
        recent=tuple(logins),
    )
