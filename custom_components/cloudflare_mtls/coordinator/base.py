"""Base of the coordinators: what an error of Cloudflare means to Home Assistant, and when to look again."""

from abc import abstractmethod
from collections.abc import Awaitable, Collection
from datetime import timedelta
from typing import ClassVar, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from ..account import async_get_account_state
from ..const import CONF_ACCOUNT_ID, DOMAIN, LOGGER
from ..engine.api.client import CloudflareClient
from ..engine.api.errors import (
    EngineError,
    Permission,
    PermissionMissing,
    RateLimited,
    TokenRejected,
)
from ..engine.certificates.companions import CompanionDevice
from ..engine.sync.settings import HostnameSettings
from ..issues import async_report, permission_issues
from ..quoting import shown
from ..subentries import companions_of, hostnames_of
from ..wording import describe

# After a single failure the coordinator looks again this soon, and reports nothing before.
SECOND_LOOK = timedelta(seconds=30)
_RETRY_INTERVAL = timedelta(minutes=15)


class CloudflareCoordinator[DataT](DataUpdateCoordinator[DataT]):
    """A coordinator that knows what Cloudflare's errors mean to Home Assistant.

    It keeps nothing of the entry's subentries and options: they may change at any time.
    """

    config_entry: ConfigEntry
    # Names the coordinator in logs, and its repairs: stored, so a class may be renamed.
    subject: ClassVar[str]
    interval: ClassVar[timedelta]
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
        self._missing: set[Permission] = set()

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

    @abstractmethod
    async def async_fetch(self) -> DataT:
        """Fetch everything that this coordinator watches."""

    @override
    async def _async_update_data(self) -> DataT:
        before, self._missing = self._missing, set()
        failure = None
        try:
            data = await self.async_fetch()
        except EngineError as err:
            failure = self._failure(err)
        if failure:
            self._missing = before
            self.update_interval = min(self.interval, _RETRY_INTERVAL)
            # Without its cause: Home Assistant keeps it, and a cause keeps the whole request.
            raise failure
        missing_twice = self._missing & before & self.permissions
        self._report_missing(self.subject, missing_twice)
        is_newly_missing = self._missing - before
        self.update_interval = SECOND_LOOK if is_newly_missing else self.pace(data)
        return data

    def _failure(self, err: EngineError) -> ConfigEntryAuthFailed | UpdateFailed:
        """Return what an error of Cloudflare means to Home Assistant."""
        message = describe(err)
        retry_after = SECOND_LOOK.total_seconds() if self.last_update_success else None
        match err:
            case TokenRejected():
                return ConfigEntryAuthFailed(
                    translation_domain=DOMAIN,
                    translation_key=message.key,
                    translation_placeholders=shown(message.placeholders),
                )
            case RateLimited():
                retry_after = err.retry_after
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
