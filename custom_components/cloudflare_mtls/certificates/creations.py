"""The creations and restorations that are under way, until a revocation stops them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN

_CREATIONS: HassKey[Creations] = HassKey(f"{DOMAIN}_creations")


@dataclass(eq=False)
class Creation:
    """How far the creation of a certificate came, and whether it was stopped.

    subentry_id: the new device's, once it is stored.
    """

    entry_id: str
    device_id: str
    key_id: str | None = None
    certificate_id: str | None = None
    subentry_id: str | None = None
    is_stopped: bool = False


@dataclass(eq=False)
class Restoration:
    """The restoration of a certificate, and whether it was stopped."""

    entry_id: str
    device_id: str
    certificate_id: str
    is_stopped: bool = False


@dataclass(eq=False)
class _Revocation:
    """The request to revoke a certificate, until its answer is there."""

    certificate_id: str
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Creations:
    """What makes certificates valid in all accounts; it outlives the reload of an account.

    There is one creation at a time for each device. A revocation stops what was asked for before
    it, also what has not begun.
    """

    def __init__(self) -> None:
        """Start without any."""
        self._running: list[Creation] = []
        self._restorations: list[Restoration] = []
        self._revocations: list[_Revocation] = []
        self._stops = 0
        # Of devices and certificates, by id: how many stops there were with the last of theirs.
        self._last_stops: dict[str, int] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def _all(self) -> list[Creation | Restoration]:
        return [*self._running, *self._restorations]

    @property
    def stops(self) -> int:
        """Return how many stops there were until now, to be given as what is asked for begins."""
        return self._stops

    @asynccontextmanager
    async def async_begin(
        self, entry_id: str, device_id: str, asked_at: int | None = None
    ) -> AsyncGenerator[Creation]:
        """Wait for the device's other creations; one that waits can already be stopped.

        asked_at: how many stops there were when it was asked for; None for now.
        """
        is_stopped = asked_at is not None and self._was_stopped(
            {entry_id, device_id}, asked_at
        )
        creation = Creation(entry_id, device_id, is_stopped=is_stopped)
        self._running.append(creation)
        try:
            async with self._locks[device_id]:
                yield creation
        finally:
            self._running.remove(creation)
            if all(item.device_id != device_id for item in self._running):
                del self._locks[device_id]

    @contextmanager
    def restoring(self, restoration: Restoration, asked_at: int) -> Generator[None]:
        """Restore a certificate; asked_at is how many stops there were when it was asked for."""
        ids = {
            restoration.entry_id,
            restoration.device_id,
            restoration.certificate_id,
        }
        restoration.is_stopped = self._was_stopped(ids, asked_at)
        self._restorations.append(restoration)
        try:
            yield
        finally:
            self._restorations.remove(restoration)

    @contextmanager
    def revoking(self, certificate_id: str) -> Generator[None]:
        """Have restorations of a certificate wait for the request that revokes it."""
        revocation = _Revocation(certificate_id)
        self._revocations.append(revocation)
        try:
            yield
        finally:
            self._revocations.remove(revocation)
            revocation.answered.set()

    async def async_wait_for_revocations(self, certificate_id: str) -> bool:
        """Wait for requests that revoke a certificate; return whether there were any."""
        sent = [
            item for item in self._revocations if item.certificate_id == certificate_id
        ]
        for item in sent:
            await item.answered.wait()
        return bool(sent)

    def _was_stopped(self, ids: Collection[str], asked_at: int) -> bool:
        return any(self._last_stops.get(item, 0) > asked_at for item in ids)

    @callback
    def stop_account(self, entry_id: str) -> None:
        """Have every creation and restoration of an account end without a certificate."""
        self._note_stop({entry_id})
        for item in self._all:
            if item.entry_id == entry_id:
                item.is_stopped = True

    @callback
    def stop_device(self, device_id: str) -> None:
        """Have every creation and restoration for a device end without a certificate."""
        self._note_stop({device_id})
        for item in self._all:
            if item.device_id == device_id:
                item.is_stopped = True

    @callback
    def stop_certificate(self, ids: Collection[str]) -> None:
        """Have the creation or restoration of a certificate end without it.

        Before the answer to its signing, a certificate is known by the id of its key only.
        """
        self._note_stop(ids)
        for creation in self._running:
            if creation.certificate_id in ids or creation.key_id in ids:
                creation.is_stopped = True
        for restoration in self._restorations:
            if restoration.certificate_id in ids:
                restoration.is_stopped = True

    def _note_stop(self, ids: Iterable[str]) -> None:
        self._stops += 1
        self._last_stops |= dict.fromkeys(ids, self._stops)

    @callback
    def has_key(self, key_id: str) -> bool:
        """Return whether a certificate for this key is being created."""
        return any(item.key_id == key_id for item in self._running)

    @callback
    def has_certificate(self, certificate_id: str) -> bool:
        """Return whether this certificate was signed, and its creation is still under way."""
        return any(item.certificate_id == certificate_id for item in self._running)

    @callback
    def is_restoring(self, certificate_id: str) -> bool:
        """Return whether a person has this certificate restored now."""
        return any(item.certificate_id == certificate_id for item in self._restorations)


@callback
def async_get_creations(hass: HomeAssistant) -> Creations:
    """Return the creations of all accounts that are under way."""
    return hass.data.setdefault(_CREATIONS, Creations())
