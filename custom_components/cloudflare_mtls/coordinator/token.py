"""Coordinator of the API token: when it expires, so that a person replaces it before that."""

from datetime import datetime, timedelta
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..engine.api.client import CloudflareClient
from ..engine.api.errors import TokenRejected, Unavailable
from ..issues import async_report, token_issues
from .base import CloudflareCoordinator


class TokenCoordinator(CloudflareCoordinator[datetime | None]):
    """Asks Cloudflare once a day when the API token expires; None stands for never."""

    subject = "token"
    interval = timedelta(days=1)
    permissions = frozenset()

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, client: CloudflareClient
    ) -> None:
        """Initialize the coordinator."""
        super().__init__(hass, entry, client)
        # The date stays the same, but comes nearer every day.
        self.always_update = True

    @override
    async def async_fetch(self) -> datetime | None:
        try:
            return await self.client.verify_token()
        except TokenRejected as err:
            # Whether the token is dead is seen elsewhere, where two calls have to agree.
            raise Unavailable("token not verified") from err

    @callback
    def async_keep_up(self) -> None:
        """Report a token that expires soon."""
        entry = self.config_entry
        issues = token_issues(entry.title, self.data, dt_util.utcnow())
        async_report(
            self.hass,
            entry.entry_id,
            self.subject,
            issues,
            is_complete=self.last_update_success,
        )
