"""Coordinator of the log of logins: who logged in at the login hostnames, and who was refused."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..bus_events import async_fire_login
from ..engine.access.login_history import LoginHistory, LoginLog
from ..engine.access.login_places import LoginPlaces
from ..engine.access.logins import Login
from ..engine.access.observation import AccessObservation
from ..engine.access.settings import LoginSettings
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import Permission
from ..engine.rules.truth import Truth
from ..issues import async_report
from ..login_issues import long_login_log_issues, refused_login_issues, stranger_issues
from ..storage.told_logins import ToldLogins
from ..wording import async_get_loaded_country_names
from .base import CloudflareCoordinator

# A permission that is missing is not asked for again and again.
_RETRY_EVERY: Final = timedelta(hours=1)


class Access(Protocol):
    """What is known of Access, and what can be done about a stranger."""

    @property
    def logins(self) -> Mapping[str, LoginSettings]:
        """Return the settings of the login hostnames as they are configured now, by hostname."""

    @property
    def observation(self) -> AccessObservation | None:
        """Return what was read, None where the last attempt failed."""

    def application_of(self, settings: LoginSettings) -> str | None:
        """Return the id of the application in front of a hostname, as it was seen last."""

    def may_be_login_of(self, hostname: str, login: Login) -> Truth:
        """Return whether a login was one that was chosen."""

    async def async_look_again(self) -> None:
        """Read Access now."""

    async def async_note_logged_in(
        self, logged_in: Mapping[str, Iterable[Login]]
    ) -> None:
        """Have the sessions of strangers end."""


class LoginLogCoordinator(CloudflareCoordinator[Mapping[str, LoginHistory] | None]):
    """Tells each login once; without a login hostname it asks Cloudflare nothing.

    Its data are by hostname, None where the token may not read the log.
    """

    subject = "login_log"
    interval = timedelta(minutes=10)
    permissions = frozenset({Permission.ACCESS_LOGINS_READ})

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        client: CloudflareClient,
        access: Access,
        told: ToldLogins,
    ) -> None:
        """Initialize the coordinator; nothing is known at first."""
        super().__init__(hass, entry, client)
        self.data = {}
        self._access = access
        self._told = told
        self._log = LoginLog(read_until=told.read_until)
        self._followed: Mapping[str, str | None] = {}

    @property
    def logins(self) -> Mapping[str, LoginSettings]:
        """Return the settings of the login hostnames as they are configured now, by hostname."""
        return self._access.logins

    @property
    def strangers(self) -> Mapping[str, tuple[Login, ...]]:
        """Return the last logins of people who may not log in, by hostname."""
        return self._told.strangers.logins

    @callback
    def async_keep_up(self) -> None:
        """Read the log at once where login hostnames were added or removed."""
        if self._followed != self._applications():
            self.config_entry.async_create_background_task(
                self.hass, self.async_refresh(), f"{self.name} refresh"
            )

    @override
    def pace(self, data: Mapping[str, LoginHistory] | None) -> timedelta:
        return _RETRY_EVERY if data is None else self.interval

    @override
    async def async_fetch(self) -> Mapping[str, LoginHistory] | None:
        self._followed = self._applications()
        if not self._followed:
            self._log = LoginLog()
            self._report({})
            return {}
        now = dt_util.utcnow()
        # Whom earlier looks found is known, even if the log cannot be read.
        self._report_strangers()
        read = await self._unless_missing(
            self.client.access_logins.list(
                self.account_id, self._log.unread_since(now), now
            )
        )
        if read is None:
            return None
        self._log = self._log.with_rows(read, now)
        histories = await self._tell(now)
        self._report(histories)
        return histories

    def _applications(self) -> dict[str, str | None]:
        """Return the id of the application in front of each login hostname, None where there is none."""
        return {
            hostname: self._access.application_of(settings)
            for hostname, settings in self.logins.items()
        }

    @property
    def places(self) -> LoginPlaces:
        """Return what tells at which login hostname somebody logged in."""
        seen = self._access.observation
        return LoginPlaces(
            in_front=self._applications(),
            applications=seen.applications_by_id if seen else None,
        )

    async def _tell(self, now: datetime) -> Mapping[str, LoginHistory]:
        """Fire what is new, and have strangers told.

        What was in the log before it was read first is not new, but at our own application it may
        be a stranger's.
        """
        told = self._told.told
        untold = self._log.untold(told) if told is not None else ()
        judged = untold if told is not None else self._at_own_applications()
        await self._look_for(judged)
        await self._note_logged_in((*self._told.strangers.undecided, *judged))
        places = self.places
        histories = self._log.histories(places, self._told.last)
        last = {
            hostname: history.last
            for hostname, history in histories.items()
            if history.last
        }
        # Stored before: a login that is told twice is worse than one that is not told.
        await self._told.async_keep(
            self._log.ray_ids,
            last,
            self._told.strangers.with_logins(
                judged, places, self._access.may_be_login_of, now
            ),
            now,
        )
        for login in untold:
            if hostname := places.of(login):
                async_fire_login(self.hass, self.config_entry, hostname, login)
        return histories

    def _at_own_applications(self) -> tuple[Login, ...]:
        places = self.places
        return tuple(filter(places.is_at_own, self._log.logins))

    async def _look_for(self, logins: Iterable[Login]) -> None:
        """Read Access where it is not known at which hostname somebody logged in, or whether they may."""
        places = self.places
        if any(
            places.is_new(login) or (places.applications is None and places.of(login))
            for login in logins
            if login.has_session
        ):
            await self._access.async_look_again()

    async def _note_logged_in(self, logins: Iterable[Login]) -> None:
        """Have sessions of strangers end; with an application that is gone, they are gone as well."""
        places = self.places
        logged_in: dict[str, list[Login]] = {}
        for login in logins:
            hostname = places.of(login)
            if login.has_session and hostname and places.is_at_own(login):
                logged_in.setdefault(hostname, []).append(login)
        await self._access.async_note_logged_in(logged_in)

    def _report(self, histories: Mapping[str, LoginHistory]) -> None:
        """Report who was refused within the last day, and whether some of them may be missing."""
        entry = self.config_entry
        country_name = async_get_loaded_country_names(self.hass)
        # One that was removed while the log was read is none of them any more.
        logins = {
            hostname: settings
            for hostname, settings in self.logins.items()
            if hostname in histories
        }
        issues = [
            issue
            for hostname, settings in logins.items()
            for issue in refused_login_issues(
                settings, histories[hostname].refused, country_name
            )
        ]
        async_report(self.hass, entry.entry_id, "refused_login", issues)
        self._report_strangers()
        issues = long_login_log_issues(entry.title, self._log) if logins else []
        async_report(self.hass, entry.entry_id, "long_login_log", issues)

    def _report_strangers(self) -> None:
        """Report who logged in and may not."""
        country_name = async_get_loaded_country_names(self.hass)
        issues = [
            issue
            for hostname, settings in self.logins.items()
            for issue in stranger_issues(
                settings, self.strangers.get(hostname, ()), country_name
            )
        ]
        entry_id = self.config_entry.entry_id
        async_report(self.hass, entry_id, "stranger_login", issues)
