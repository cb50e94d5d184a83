"""The creations that are under way: one at a time for each device, until a revocation stops them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN

_CREATIONS: HassKey[Creations] = HassKey(f"{DOMAIN}_creations")


@dataclass(eq=False)
class Creation:
    """How far the creation of a certificate came, and whether it was stopped.

    subentry_id: the new device's, once it is stored.
    """

    device_id: str
    key_id: str | None = None
    certificate_id: str | None = None
    subentry_id: str | None = None
    is_stopped: bool = False


class Creations:
    """The creations of all accounts that are under way; they outlive the reload of an account."""

    def __init__(self) -> None:
        """Start without any."""
        self._running: list[Creation] = []
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def async_begin(self, device_id: str) -> AsyncGenerator[Creation]:
        """Wait for the device's other creations; one that waits can already be stopped."""
        creation = Creation(device_id)
        self._running.append(creation)
        try:
            async with self._locks[device_id]:
                yield creation
        finally:
            self._running.remove(creation)
            if all(item.device_id != device_id for item in self._running):
                del self._locks[device_id]

    @callback
    def stop_device(self, device_id: str) -> None:
        """Have every creation for a device end without a certificate."""
        for creation in self._running:
            if creation.device_id == device_id:
                creation.is_stopped = True

    @callback
    def stop_certificate(self, certificate_id: str) -> None:
        """Have the creation of a certificate end without it."""
        for creation in self._running:
            if creation.certificate_id == certificate_id:
                creation.is_stopped = True

    @callback
    def has_key(self, key_id: str) -> bool:
        """Return whether a certificate for this key is being created."""
        return any(item.key_id == key_id for item in self._running)

    @callback
    def has_certificate(self, certificate_id: str) -> bool:
        """Return whether this certificate was signed, and its creation is still under way."""
        return any(item.certificate_id == certificate_id for item in self._running)


@callback
def async_get_creations(hass: HomeAssistant) -> Creations:
    """Return the creations of all accounts that are under way."""
    return hass.data.setdefault(_CREATIONS, Creations())
