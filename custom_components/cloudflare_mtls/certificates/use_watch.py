"""Follows which certificates companion devices use, as far as the edge tells."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import (
    async_dispatcher_connect,
    async_dispatcher_send,
)
from homeassistant.util import dt as dt_util
from homeassistant.util.signal_type import SignalTypeFormat

from ..const import DOMAIN
from ..coordinator.protection import ProtectionCoordinator
from ..identity import Identity
from ..storage.uses import Uses
from ..told_requests import SIGNAL_TOLD

# For each account, by its entry id: the companion device that used a certificate, by our own id.
SIGNAL_USED = SignalTypeFormat[str](f"{DOMAIN}_used_{{}}")


class UseWatch:
    """Notes which certificates an account's companion devices use."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        protection: ProtectionCoordinator,
        uses: Uses,
    ) -> None:
        """Take the account, and where to note it."""
        self._hass = hass
        self._entry = entry
        self._protection = protection
        self._uses = uses

    @callback
    def async_listen(self) -> None:
        """Listen to what the edge tells until the account is unloaded."""
        self._entry.async_on_unload(
            async_dispatcher_connect(self._hass, SIGNAL_TOLD, self._async_told)
        )

    @callback
    def _async_told(self, identity: Identity, path: str) -> None:
        fingerprint, now = identity.fingerprint, dt_util.utcnow()
        if (
            fingerprint is None
            or identity.hostname not in self._protection.told_hostnames
            or not self._uses.is_news(fingerprint, now)
        ):
            return
        if device_id := self._protection.trust.holder_of(fingerprint):
            self._uses.async_note(device_id, fingerprint, now)
            signal = SIGNAL_USED.format(self._entry.entry_id)
            async_dispatcher_send(self._hass, signal, device_id)
