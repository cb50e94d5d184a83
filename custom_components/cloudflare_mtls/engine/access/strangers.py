"""Which logins were those of people who may not log in (pure)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from ..rules.truth import Truth
from .login_history import newest_by_person
from .login_places import LoginPlaces
from .logins import Login

# A person who was away for a while hears of a stranger, too.
_STRANGERS: Final = timedelta(days=30)

# Of a hostname and a login; None where nobody knows.
type MayBeLoginOf = Callable[[str, Login], Truth]


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """The last login of each person who may not log in.

    logins: by hostname. undecided: those of which only Access, which could not be read, can tell
    whether they are a stranger's.
    """

    logins: Mapping[str, tuple[Login, ...]] = MappingProxyType({})
    undecided: tuple[Login, ...] = ()

    def with_logins(
        self,
        more: Iterable[Login],
        places: LoginPlaces,
        may_be_login_of: MayBeLoginOf,
        now: datetime,
    ) -> Strangers:
        """Return the strangers by what is known now, without those of more than 30 days ago.

        Who may log in by now, because a person chose them since, is none any more.
        """
        judged = [each for each in (*self.undecided, *more) if each.has_session]
        found: dict[str, list[Login]] = {}
        for login in judged:
            hostname = places.of(login)
            if hostname and may_be_login_of(hostname, login) is False:
                found.setdefault(hostname, []).append(login)
        logins = {
            hostname: _recent(
                now,
                *found.get(hostname, ()),
                *(
                    login
                    for login in self.logins.get(hostname, ())
                    if may_be_login_of(hostname, login) is not True
                ),
            )
            # Also where there is no application at the moment.
            for hostname in places.in_front
        }
        return Strangers(
            logins={hostname: each for hostname, each in logins.items() if each},
            undecided=_undecided(judged, places, may_be_login_of, now),
        )


def _undecided(
    logins: Iterable[Login],
    places: LoginPlaces,
    may_be_login_of: MayBeLoginOf,
    now: datetime,
) -> tuple[Login, ...]:
    """Return the last login of each person, by each method at each place, that may be a stranger's."""
    if places.applications is not None:
        return ()
    apart: dict[tuple[str, str, str], list[Login]] = {}
    for login in logins:
        hostname = places.of(login)
        if (
            may_be_login_of(hostname, login) is None
            if hostname
            else places.is_new(login)
        ):
            key = (login.application_id, login.hostname, login.method)
            apart.setdefault(key, []).append(login)
    return tuple(login for each in apart.values() for login in _recent(now, *each))


def _recent(now: datetime, *logins: Login) -> tuple[Login, ...]:
    """Return the last login of each person, the newest first, but none that is long ago."""
    return tuple(
        login for login in newest_by_person(logins) if login.at >= now - _STRANGERS
    )
