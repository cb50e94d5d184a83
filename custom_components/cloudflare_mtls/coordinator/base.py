"""Base of the coordinators, and what a loaded account works with."""

from abc import abstractmethod
from collections.abc import Awaitable
from datetime import timedelta
from typing import ClassVar, override

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
from ..issues import async_report, permission_issues
from ..wording import describe
from . import ConfigEntry

# A single failure is looked at again soon, and nobody is alarmed before.
SECOND_LOOK = timedelta(seconds=30)
_RETRY_INTERVAL = timedelta(minutes=15)


class CloudflareCoordinator[DataT](DataUpdateCoordinator[DataT]):
    """A coordinator that knows what Cloudflare's errors mean to Home Assistant."""

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
    def pace(self) -> timedelta:
        """Return when to look again after what was seen now."""
        return self.interval

    @abstractmethod
    async def async_fetch(self) -> DataT:
        """Fetch everything that this coordinator watches."""

    @override
    async def _async_update_data(self) -> DataT:
        before, self._missing = self._missing, set()
        try:
            data = await self.async_fetch()
        except EngineError as err:
            self._missing = before
            self.update_interval = min(self.interval, _RETRY_INTERVAL)
            message = describe(err)
            if isinstance(err, TokenRejected):
                raise ConfigEntryAuthFailed(
                    translation_domain=DOMAIN,
                    translation_key=message.key,
                    translation_placeholders=message.placeholders,
                ) from err
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key=message.key,
                translation_placeholders=message.placeholders,
                retry_after=self._retry_after_seconds(err),
            ) from err
        entry = self.config_entry
        async_report(
            self.hass,
            entry.entry_id,
            f"permission_{self.subject}",
            permission_issues(entry.title, self._missing & before & self.permissions),
        )
        self.update_interval = self.pace if self._missing <= before else SECOND_LOOK
        return data

    def _retry_after_seconds(self, err: EngineError) -> float | None:
        """Return how soon to try again, where that is not as usual."""
        if isinstance(err, RateLimited):
            return err.retry_after
        return SECOND_LOOK.total_seconds() if self.last_update_success else None

    async def _unless_missing[ResultT](
        self, fetch: Awaitable[ResultT]
    ) -> ResultT | None:
        """Return what is fetched, or None where the token may not: it costs one feature."""
        try:
            return await fetch
        except PermissionMissing as err:
            self._missing.add(err.permission)
            return None
