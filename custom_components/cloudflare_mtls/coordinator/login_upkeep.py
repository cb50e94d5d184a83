"""Makes attempts at what is due at login hostnames: removals, fixes of drift, and ends of sessions."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from homeassistant.core import callback

from ..bus_events import async_fire_fixed
from ..const import LOGGER
from ..engine.api.errors import EngineError
from ..engine.moment import Moment
from ..engine.sync.repeated_drift import RepeatedDrift
from ..storage.logins import LoginRecord, LoginRecords, Stage
from .base import CloudflareCoordinator
from .login_writer import LoginWriter

_RETRY_EVERY: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Due:
    """The hostnames where something has to go, drift has to be fixed, or sessions have to end."""

    removals: Collection[str] = ()
    drifted: Collection[str] = ()
    sessions: Collection[str] = ()

    def __bool__(self) -> bool:
        """Return whether there is anything to do."""
        return bool(self.removals or self.drifted or self.sessions)


class LoginUpkeep:
    """Writes in the background, one attempt at a time, and knows what it left."""

    def __init__(
        self,
        coordinator: CloudflareCoordinator[Any],
        writer: LoginWriter,
        records: LoginRecords,
        look_after_write: Callable[[], Awaitable[None]],
        report: Callable[[], None],
    ) -> None:
        """Take the coordinator that finds what is due; report tells what is left."""
        self._coordinator = coordinator
        self._writer = writer
        self._records = records
        self._look_after_write = look_after_write
        self._report = report
        self.repeated = RepeatedDrift()
        self._removed_at = Moment.now()
        self._failed_removals = 0
        # Where sessions that must end could not be ended, and how many attempts in a row failed.
        self._with_sessions: set[str] = set()
        self._failed_endings = 0
        self._ended_at = Moment.now()
        # The hostnames of which something was removed, or looked for, since the start.
        self._looked_at: set[str] = set()
        self._is_working = False
        # How many attempts in a row ended with drift that was still there, or new.
        self._left_by = 0
        # Where drift could not be fixed the last time.
        self._unfixed: set[str] = set()

    @property
    def wants_second_look(self) -> bool:
        """Return whether an attempt has just failed for the first time, or left drift."""
        # Only the look that ends an attempt: the next one may have nothing to read.
        is_left = self._is_working and self.has_left_drift
        return 1 in (self._failed_removals, self._failed_endings) or is_left

    @property
    def has_left_drift(self) -> bool:
        """Return whether the last attempt, and not the one before, ended with drift."""
        return self._left_by == 1

    @property
    def fails_to_remove(self) -> bool:
        """Return whether something could not be removed at the second attempt either."""
        return self._failed_removals > 1

    def may_fix(self, hostname: str) -> bool:
        """Return whether drift could be fixed at a hostname the last time, if there was any."""
        return hostname not in self._unfixed

    def left_sessions(self, hostname: str) -> bool:
        """Return whether sessions that must end could not be ended."""
        return hostname in self._with_sessions

    def due_removals(self) -> tuple[str, ...]:
        """Return the hostnames for which something has to go at Cloudflare now."""
        waiting = self._records.at(Stage.REMOVING, Stage.UNDOING)
        if not waiting:
            self._failed_removals = 0
        if self.fails_to_remove and not self._is_time(self._removed_at):
            return ()
        return tuple(each.settings.hostname for each in waiting)

    def due_sessions(self, may_end: Callable[[LoginRecord], bool]) -> tuple[str, ...]:
        """Return the hostnames of which sessions are ended now, if that is possible and of use."""
        waiting = [each for each in self._records.records.values() if each.sessions]
        if not waiting:
            self._failed_endings = 0
        if self._failed_endings > 1 and not self._is_time(self._ended_at):
            return ()
        return tuple(each.settings.hostname for each in waiting if may_end(each))

    @callback
    def async_begin(self, due: Due, *, has_just_read: bool) -> None:
        """Begin to write in the background, unless that is under way."""
        if self._is_working:
            # It came while an attempt was under way, or the attempt did not fix it.
            self._left_by += bool(due.drifted)
            self._unfixed |= {*due.drifted}
            return
        if has_just_read and not due.drifted:
            self._left_by = 0
        if not due:
            return
        self._is_working = True
        # Not eager: entities show what was found before it is fixed.
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass,
            self._work(due),
            f"{self._coordinator.name} fix",
            eager_start=False,
        )

    async def remove(self, hostnames: Collection[str]) -> None:
        """Remove what is ours at hostnames, as far as Cloudflare does that now."""
        self._removed_at = Moment.now()
        left = False
        for hostname in hostnames:
            try:
                left = not await self._remove_one(hostname) or left
            except EngineError as err:
                LOGGER.debug("%s could not be opened again: %s", hostname, err)
                left = True
        self._failed_removals = self._failed_removals + 1 if left else 0

    def note_sessions(self, hostname: str) -> None:
        """Note whether sessions that must end are left after an attempt."""
        self._ended_at = Moment.now()
        record = self._records.records.get(hostname)
        if record and record.sessions:
            self._with_sessions.add(hostname)
            self._failed_endings += 1
        else:
            self._with_sessions.discard(hostname)

    def _is_time(self, since: Moment) -> bool:
        return self._coordinator.has_passed(_RETRY_EVERY, since)

    async def _work(self, due: Due) -> None:
        """Make one attempt, and look what came of it."""
        try:
            if due.removals:
                await self.remove(due.removals)
            for hostname in due.drifted:
                await self._fix(hostname)
            for hostname in due.sessions:
                await self._writer.end_sessions(hostname)
                self.note_sessions(hostname)
            if due.removals or due.drifted:
                await self._look_after_write()
            else:
                # Nothing that is read shows whether sessions have ended.
                self._report()
        finally:
            self._is_working = False

    async def _remove_one(self, hostname: str) -> bool:
        """Return whether nothing is left of a hostname.

        What a set-up created that Home Assistant did not survive is known by its marks alone. No
        single list decides that nothing is there: it is looked for now, and removed the next time.
        """
        is_first = hostname not in self._looked_at
        self._looked_at.add(hostname)
        if is_first and self._writer.was_interrupted(hostname):
            await self._writer.find_again(hostname)
            return False
        return await self._writer.remove(hostname)

    async def _fix(self, hostname: str) -> None:
        try:
            outcome = await self._writer.keep(hostname)
        except EngineError as err:
            LOGGER.debug("Drift could not be fixed: %s", err)
            self._unfixed.add(hostname)
            return
        if outcome and outcome.error:
            self._unfixed.add(hostname)
        else:
            self._unfixed.discard(hostname)
            self.note_sessions(hostname)
        if outcome and outcome.applied:
            coordinator = self._coordinator
            async_fire_fixed(
                coordinator.hass, coordinator.config_entry, hostname, outcome.applied
            )
            self.repeated.fixed(hostname, Moment.now())
