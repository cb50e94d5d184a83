"""Coordinator of the log of logins: who logged in at the login hostnames, and who was refused."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import timedelta
from typing import Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..bus_events import async_fire_login
from ..engine.access.login_history import LoginHistory, LoginLog, strangers_to_tell
from ..engine.access.logins import Login
from ..engine.access.settings import LoginSettings
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import Permission
from ..engine.rules.truth import Truth
from ..issues import async_report
from ..login_issues import long_login_log_issue, refused_login_issues, stranger_issues
from ..storage.logins import LoginRecords
from ..storage.told_logins import ToldLogins
from ..subentries import logins_of
from ..wording import async_get_loaded_country_names
from .base import CloudflareCoordinator

# A permission that is missing is not asked for again and again.
_RETRY_EVERY: Final = timedelta(hours=1)

# By hostname, and of a hostname and an e-mail address.
type FindStrangers = Callable[
    [Mapping[str, Collection[str]]], Awaitable[Mapping[str, Collection[str]]]
]
type MayLogIn = Callable[[str, str], Truth]


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
        records: LoginRecords,
        told: ToldLogins,
        find_strangers: FindStrangers,
        may_log_in: MayLogIn,
    ) -> None:
        """Initialize the coordinator; nothing is known at first.

        find_strangers finds those among people who logged in who may not, and has their sessions
        end; may_log_in says what is known of it now.
        """
        super().__init__(hass, entry, client)
        self.data = {}
        self._records = records
        self._find_strangers = find_strangers
        self._may_log_in = may_log_in
        self._told = told
        self._log = LoginLog()
        self._followed = frozenset[str]()

    @property
    def logins(self) -> dict[str, LoginSettings]:
        """Return the settings of the login hostnames as they are configured now, by hostname."""
        return logins_of(self.config_entry.subentries)

    @property
    def strangers(self) -> Mapping[str, tuple[Login, ...]]:
        """Return the last logins of people who may not log in, by hostname."""
        return self._told.strangers

    @callback
    def async_keep_up(self) -> None:
        """Read the log at once where login hostnames were added or removed."""
        if self._followed != self._applications().keys():
            self.config_entry.async_create_background_task(
                self.hass, self.async_refresh(), f"{self.name} refresh"
            )

    @override
    def pace(self, data: Mapping[str, LoginHistory] | None) -> timedelta:
        return _RETRY_EVERY if data is None else self.interval

    @override
    async def async_fetch(self) -> Mapping[str, LoginHistory] | None:
        hostnames = self._applications()
        self._followed = frozenset(hostnames)
        if not hostnames:
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
        self._log = self._log.with_rows(read.rows, now, is_whole=read.is_whole)
        histories = self._log.histories(hostnames, self._told.last)
        await self._tell(hostnames, histories)
        self._report(histories)
        return histories

    def _applications(self) -> dict[str, str]:
        """Return the login hostnames, by the id of the application in front of each."""
        records = self._records.records
        return {
            application_id: hostname
            for hostname in self.logins
            if (record := records.get(hostname))
            and (application_id := record.ids.application)
        }

    async def _tell(
        self, hostnames: Mapping[str, str], histories: Mapping[str, LoginHistory]
    ) -> None:
        """Fire what is new, and have strangers told; what was in the log before it was read first is none."""
        told = self._told.told
        untold = self._log.untold(told) if told is not None else ()
        last = {
            hostname: history.last
            for hostname, history in histories.items()
            if history.last
        }
        strangers = await self._strangers_in(hostnames, untold)
        # Stored before: a login that is told twice is worse than one that is not told.
        await self._told.async_keep(self._log.ray_ids, last, strangers)
        for login in untold:
            if hostname := hostnames.get(login.application_id):
                async_fire_login(self.hass, self.config_entry, hostname, login)

    async def _strangers_in(
        self, hostnames: Mapping[str, str], logins: Iterable[Login]
    ) -> dict[str, tuple[Login, ...]]:
        """Return the logins of people who may not log in, and still may not, by hostname."""
        new: dict[str, list[Login]] = {}
        for login in logins:
            hostname = hostnames.get(login.application_id)
            # Who has no address has no session that could be ended by it.
            if login.allowed and login.email and hostname:
                new.setdefault(hostname, []).append(login)
        strangers = await self._find_strangers(
            {
                hostname: {login.email for login in each}
                for hostname, each in new.items()
            }
        )
        now = dt_util.utcnow()
        told = {
            hostname: strangers_to_tell(
                (
                    login
                    for login in self.strangers.get(hostname, ())
                    if self._may_log_in(hostname, login.email) is not True
                ),
                (
                    login
                    for login in new.get(hostname, ())
                    if login.email in strangers.get(hostname, ())
                ),
                now,
            )
            # Also where there is no application at the moment.
            for hostname in self.logins
        }
        return {hostname: each for hostname, each in told.items() if each}

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
        is_cut = bool(logins) and self._log.cut_at is not None
        issues = [long_login_log_issue(entry.title)] if is_cut else []
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
