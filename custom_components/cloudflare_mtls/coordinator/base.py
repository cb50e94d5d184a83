"""Base of the coordinators: what an error of Cloudflare means to Home Assistant, and when to look again."""

from abc import abstractmethod
from collections.abc import Awaitable, Collection, Iterable, Mapping
from datetime import timedelta
from typing import ClassVar, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from ..account import async_get_account_state
from ..const import CONF_ACCOUNT_ID, DOMAIN, LOGGER
from ..engine.api.ask_each import Each
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import (
    EngineError,
    Permission,
    PermissionMissing,
    RateLimited,
    TokenRejected,
)
from ..engine.certificates.companions import CompanionDevice
from ..engine.moment import Moment
from ..engine.sync.settings import HostnameSettings
from ..issues import async_report, permission_issues
from ..quoting import shown
from ..subentries import companions_of, hostnames_of
from ..wording import describe

# After a single failure the coordinator looks again this soon, and reports nothing before.
SECOND_LOOK = timedelta(seconds=30)
# A refresh in between, such as that after a change, is none.
HALF_A_LOOK = SECOND_LOOK / 2
# So long after it was read, nobody may say any more that all is well: somebody may have changed it.
# One or two looks that fail are repeated before that.
_HOLDS_FOR = timedelta(hours=1)
# What failed is tried again this soon.
_RETRY = timedelta(minutes=15)
# What has failed for this long, while all else works, is tried again this often: it must not cost more
# calls than what works.
_LONG = timedelta(hours=2)


def holds_still(read_on: Moment) -> bool:
    """Return whether what was good when it was read then still counts as good."""
    return read_on.age < _HOLDS_FOR


class CloudflareCoordinator[DataT](DataUpdateCoordinator[DataT]):
    """A coordinator that knows what Cloudflare's errors mean to Home Assistant.

    It keeps nothing of the entry's subentries and options: they may change at any time.
    """

    config_entry: ConfigEntry
    # Names the coordinator in logs, and its repairs: stored, so a class may be renamed.
    subject: ClassVar[str]
    interval: ClassVar[timedelta]
    # How often everything is read, where most refreshes read a part of it.
    all_every: ClassVar[timedelta | None] = None
    permissions: ClassVar[frozenset[Permission]]

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, client: CloudflareClient
    ) -> None:
        """Initialize the coordinator."""
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=f"{entry.title} {self.subject}",
            update_interval=self.interval,
            always_update=False,
        )
        self.client = client
        self.account_id: str = entry.data[CONF_ACCOUNT_ID]
        self.shared = async_get_account_state(hass, self.account_id)
        self._failing_since: Moment | None = None
        self._missing: set[Permission] = set()
        # By id, since when one thing could not be read; and what this refresh could not read.
        self._unread_since: dict[str, Moment] = {}
        self._unread: set[str] = set()

    @property
    def hostnames(self) -> tuple[HostnameSettings, ...]:
        """Return the protected hostnames as they are configured now."""
        return tuple(hostnames_of(self.config_entry.subentries).values())

    @property
    def companions(self) -> tuple[CompanionDevice, ...]:
        """Return the companion devices as they are configured now."""
        return tuple(companions_of(self.config_entry.subentries).values())

    def pace(self, data: DataT) -> timedelta:
        """Return how soon to look again after a refresh that fetched these data."""
        return self.interval

    def has_passed(self, time: timedelta, since: Moment) -> bool:
        """Return whether this much time has passed since a moment, so that something is due now."""
        # Half an interval less: slow answers must not defer it to the next refresh.
        return since.age >= time - self.interval / 2

    @abstractmethod
    async def async_fetch(self) -> DataT:
        """Fetch everything that this coordinator watches."""

    @override
    async def _async_update_data(self) -> DataT:
        before, self._missing = self._missing, set()
        unread_before, self._unread = self._unread, set()
        failure = None
        try:
            data = await self.async_fetch()
        except EngineError as err:
            failure = self._failure(err)
        if failure:
            self._missing = before
            self._unread = unread_before
            self.update_interval = self._retry_after_failure()
            # Without its cause: Home Assistant keeps it, and a cause keeps the whole request.
            raise failure
        self._failing_since = None
        missing_twice = self._missing & before & self.permissions
        self._report_missing(self.subject, missing_twice)
        for key in self._unread_since.keys() - self._unread:
            del self._unread_since[key]
        is_news = self._missing - before or self._newly_unread
        self.update_interval = SECOND_LOOK if is_news else self.pace(data)
        return data

    def _retry_after_failure(self) -> timedelta:
        """Return how soon to look again after a refresh that failed."""
        self._failing_since = self._failing_since or Moment.now()
        answered = self.shared.answered_at
        is_alone = answered is not None and answered.age < _RETRY
        is_old = self._failing_since.age >= _LONG
        retry = _LONG if is_alone and is_old else _RETRY
        return min(self.all_every or self.interval, retry)

    def take[ResultT](self, asked: Each[str, ResultT]) -> Mapping[str, ResultT]:
        """Return what was found, by id, and note what was not.

        Raises EngineError if nothing was found, and not for want of a permission.
        """
        errors = asked.failed.values()
        if not all(isinstance(err, PermissionMissing) for err in errors):
            asked.raise_if_all_failed()
        self._note_failures(asked.failed)
        return asked.found

    @property
    def _newly_unread(self) -> set[str]:
        """Return what could not be read just now, and nobody has looked at again since."""
        return {
            key for key in self._unread if self._unread_since[key].age < HALF_A_LOOK
        }

    def _note_unread(self, keys: Iterable[str]) -> None:
        """Note what could not be read, by its id."""
        now = Moment.now()
        for key in keys:
            self._unread.add(key)
            self._unread_since.setdefault(key, now)

    def _note_failures(self, failed: Mapping[str, EngineError]) -> None:
        """Note what could not be read, by its id, and which permissions are missing for that."""
        for key, err in failed.items():
            LOGGER.debug("%s: %s could not be read: %s", self.name, key, err)
            if isinstance(err, PermissionMissing):
                self._missing.add(err.permission)
            else:
                self._note_unread([key])

    def _failure(self, err: EngineError) -> ConfigEntryAuthFailed | UpdateFailed:
        """Return what an error of Cloudflare means to Home Assistant."""
        retry_after = SECOND_LOOK.total_seconds() if self.last_update_success else None
        match err:
            case TokenRejected():
                message = describe(err)
                return ConfigEntryAuthFailed(
                    translation_domain=DOMAIN,
                    translation_key=message.key,
                    translation_placeholders=shown(message.placeholders),
                )
            case RateLimited():
                retry_after = err.retry_after
        return self._update_failed(err, retry_after)

    @staticmethod
    def _update_failed(
        err: EngineError, retry_after: float | None = None
    ) -> UpdateFailed:
        """Return that an update failed, in words for people; retry_after: in how many seconds to try again."""
        message = describe(err)
        return UpdateFailed(
            translation_domain=DOMAIN,
            translation_key=message.key,
            translation_placeholders=shown(message.placeholders),
            retry_after=retry_after,
        )

    def _report_missing(
        self, needed_for: str, permissions: Collection[Permission]
    ) -> None:
        """Report the permissions that the token lacks for a purpose, and no others."""
        entry = self.config_entry
        async_report(
            self.hass,
            entry.entry_id,
            f"permission_{needed_for}",
            permission_issues(entry.title, permissions),
        )

    async def _unless_missing[ResultT](
        self, fetch: Awaitable[ResultT]
    ) -> ResultT | None:
        """Return what is fetched, or None without the permission: only one feature is lost."""
        try:
            return await fetch
        except PermissionMissing as err:
            self._missing.add(err.permission)
            return None
