"""Settings of a login hostname, as a person chose them, and what may be chosen (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
import re
from typing import Final

from ..sync.settings import is_exempt_path, read_hostname
from .countries import COUNTRIES

# Cloudflare takes no longer address of an application, its paths included.
MAX_ADDRESS: Final = 63
MAX_PEOPLE: Final = 1000
SHORTEST_SESSION: Final = timedelta(minutes=15)
LONGEST_SESSION: Final = timedelta(days=365)

_EMAIL: Final = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?P<domain>[a-z0-9.-]+)"
)
_MAX_EMAIL: Final = 254


class SettingsFault(StrEnum):
    """Why settings are not accepted."""

    INVALID_HOSTNAME = "invalid_hostname"
    ADDRESS_TOO_LONG = "address_too_long"
    NOBODY = "nobody"
    TOO_MANY_PEOPLE = "too_many_people"
    INVALID_EMAIL = "invalid_email"
    INVALID_COUNTRY = "invalid_country"
    INVALID_SESSION = "invalid_session"
    INVALID_PATH = "invalid_path"
    PATHS_WITHOUT_TOKEN = "paths_without_token"


class InvalidLoginSettings(ValueError):
    """Settings that a person cannot have meant, or that Cloudflare would refuse."""

    def __init__(self, fault: SettingsFault, value: str = "") -> None:
        """Say what is wrong, and with which value."""
        super().__init__(f"{fault}: {value}" if value else str(fault))
        self.fault = fault
        self.value = value


@dataclass(frozen=True)
class People:
    """People by their e-mail addresses, in lower case."""

    emails: frozenset[str]


@dataclass(frozen=True)
class PeopleOfGroup:
    """The people of an Access group that somebody keeps at Cloudflare."""

    group_id: str


@dataclass(frozen=True, kw_only=True)
class LoginSettings:
    """What a person chose for a login hostname; only settings that make sense can be made.

    countries: two capitals each; none for all countries.
    login_methods: ids of login methods of the account.
    one_time_pin: whether people may log in by a code sent to them, too. Without it and without
        login methods, all of the account's methods are allowed.
    open_paths: what everybody reaches without a login; one that ends with a slash is everything
        below it, any other one is the path itself and everything below it.
    connector_of: the id of the tunnel whose cloudflared demands the token of a login as well,
        None for none.
    adopted: whether somebody else's application stands in front of the hostname, and stays as it
        is. Then of all settings only the hostname counts.
    """

    hostname: str
    zone_id: str
    who: People | PeopleOfGroup
    countries: frozenset[str] = frozenset()
    login_methods: frozenset[str] = frozenset()
    one_time_pin: bool = False
    session: timedelta = timedelta(days=7)
    open_paths: frozenset[str] = frozenset()
    keep_in_sync: bool = True
    connector_of: str | None = None
    adopted: bool = False

    def __post_init__(self) -> None:
        """Raise InvalidLoginSettings for the first thing that is wrong."""
        for fault, value in self._faults():
            raise InvalidLoginSettings(fault, value)

    @property
    def allows_all_methods(self) -> bool:
        """Return whether people may log in by every login method of the account."""
        return not (self.login_methods or self.one_time_pin)

    def shuts_out_country(self, country: str) -> bool:
        """Return whether nobody may come from a country, given by two capitals."""
        return bool(self.countries) and country not in self.countries

    def _faults(self) -> Iterator[tuple[SettingsFault, str]]:
        if read_hostname(self.hostname) != self.hostname:
            yield SettingsFault.INVALID_HOSTNAME, self.hostname
        for path in ("", *sorted(self.open_paths)):
            if path and not is_exempt_path(path):
                yield SettingsFault.INVALID_PATH, path
            if len(address := address_of(self.hostname, path)) > MAX_ADDRESS:
                yield SettingsFault.ADDRESS_TOO_LONG, address
        yield from _faults_of_people(self.who)
        for country in sorted(self.countries - COUNTRIES):
            yield SettingsFault.INVALID_COUNTRY, country
        if not SHORTEST_SESSION <= self.session <= LONGEST_SESSION:
            yield SettingsFault.INVALID_SESSION, str(self.session)
        if self.connector_of is not None and self.open_paths:
            # A visitor of an open path brings no token, so cloudflared would refuse them.
            yield SettingsFault.PATHS_WITHOUT_TOKEN, ""


def _faults_of_people(
    who: People | PeopleOfGroup,
) -> Iterator[tuple[SettingsFault, str]]:
    match who:
        case People(emails):
            for email in sorted(emails):
                if read_email(email) != email:
                    yield SettingsFault.INVALID_EMAIL, email
            if not emails:
                yield SettingsFault.NOBODY, ""
            if len(emails) > MAX_PEOPLE:
                yield SettingsFault.TOO_MANY_PEOPLE, str(len(emails))
        case PeopleOfGroup(group_id):
            if not group_id:
                yield SettingsFault.NOBODY, ""


def shuts_out(before: LoginSettings, after: LoginSettings) -> bool:
    """Return whether somebody who may have logged in could no longer do that.

    Whom a group lets in nobody knows. Countries are left out: they are looked at on every request,
    so that no session has to end for them.

    Source: Cloudflare's docs, Access policies: what is only checked at the login is not checked
    again while a session lasts.
    """
    match before.who, after.who:
        case People(old), People(new):
            fewer_people = not old <= new
        case old_who, new_who:
            fewer_people = old_who != new_who
    return fewer_people or _has_fewer_methods(before, after)


def _has_fewer_methods(before: LoginSettings, after: LoginSettings) -> bool:
    if not after.login_methods and not after.one_time_pin:
        # All of the account's methods are allowed.
        return False
    had_all = not before.login_methods and not before.one_time_pin
    return (
        had_all
        or not before.login_methods <= after.login_methods
        or before.one_time_pin > after.one_time_pin
    )


def read_email(text: str) -> str | None:
    """Return an e-mail address in lower case; None if the text is not one."""
    email = text.strip().lower()
    found = _EMAIL.fullmatch(email)
    if found is None or len(email) > _MAX_EMAIL:
        return None
    return email if read_hostname(found["domain"]) == found["domain"] else None


def address_of(hostname: str, open_path: str) -> str:
    """Return the address of the application that leaves a path open, or of the hostname's own.

    Source: Cloudflare's docs, Access application paths: "/a" also covers what is below it, and
    "/a/*" does not cover "/a".
    """
    star = "*" if open_path.endswith("/") else ""
    return f"{hostname}{open_path}{star}"
