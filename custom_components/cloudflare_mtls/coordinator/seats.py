"""Coordinator of the seats that people take at their first login."""

from datetime import timedelta
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..engine.api.client import CloudflareClient
from ..engine.api.errors import Permission
from ..subentries import login_hostnames_of
from .base import CloudflareCoordinator


class SeatsCoordinator(CloudflareCoordinator[int | None]):
    """Counts the seats in use; without a login hostname it asks Cloudflare nothing.

    Its data are None where that is not known.
    """

    subject = "seats"
    interval = timedelta(hours=3)
    permissions = frozenset({Permission.ACCESS_ORGANIZATION_EDIT})

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, client: CloudflareClient
    ) -> None:
        """Initialize the coordinator; nothing is known at first."""
        super().__init__(hass, entry, client)
        self.data = None
        self._was_wanted = False

    @property
    def is_wanted(self) -> bool:
        """Return whether there is a login hostname."""
        return bool(login_hostnames_of(self.config_entry.subentries))

    @callback
    def async_keep_up(self) -> None:
        """Count at once where the first login hostname was added, or the last one removed."""
        if self.is_wanted is not self._was_wanted:
            self.config_entry.async_create_background_task(
                self.hass, self.async_refresh(), f"{self.name} refresh"
            )

    @override
    async def async_fetch(self) -> int | None:
        self._was_wanted = self.is_wanted
        if not self._was_wanted:
            return None
        users = await self._unless_missing(
            self.client.access_users.list(self.account_id)
        )
        return None if users is None else sum(user.has_seat for user in users)
