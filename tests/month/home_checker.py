"""Holds what a home shows, asks and writes against what is so, tick by tick."""

from collections import deque
from collections.abc import Collection
from datetime import datetime, timedelta
import logging
from typing import Final

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox.clock import CLOCK
from sandbox.journal import Entry
from tests.common import EDGE_EVERY, HOSTNAME, reported
from tests.proofs.witness import Judge, Visit

from .home import TICK, Home
from .log import Log
from .troubles import Troubles
from .truth import Fact, doubles, facts, in_order, repairs

_NOTHING: Final = (None, STATE_UNAVAILABLE, STATE_UNKNOWN)

# What is asked by the clock: of a home with three tunnels.
CALLS_A_DAY: Final = 3000
# The same in any hour, where all that is rare may come together.
CALLS_AN_HOUR: Final = 150
# What comes on top of it: looking again since something happened, or is fixed.
CALLS_A_HAPPENING: Final = 30
CALLS_A_WRITE: Final = 10
# What it costs to try to set the account up, which Home Assistant does every 80 seconds.
CALLS_A_TRY: Final = 15

# Two looks at the edge: what fixing left to do is done at the next one.
_SETTLED: Final = 2 * EDGE_EVERY + 5 * TICK


class Calls:
    """How many calls were made in the last so many hours, and how many may have been."""

    def __init__(self, window: timedelta, allowed: int) -> None:
        """Allow so many in any such time."""
        self._window = window
        self._allowed = allowed
        self._made: deque[tuple[datetime, int, int]] = deque()
        self.most = 0

    def note(self, now: datetime, calls: int, excused: int) -> None:
        """Count those of a tick, of which some have a reason of their own."""
        self._made.append((now, calls, excused))
        while self._made[0][0] <= now - self._window:
            self._made.popleft()
        made = sum(each[1] for each in self._made)
        self.most = max(self.most, made)
        assert made <= self._allowed + sum(each[2] for each in self._made), made


class Witness:
    """Watches a home."""

    def __init__(
        self,
        home: Home,
        troubles: Troubles,
        judge: Judge,
        log: Log,
    ) -> None:
        """Begin with a home where all is well."""
        self._home = home
        self._troubles = troubles
        self._judge = judge
        self._log = log
        # When each entity last would have been right to show a value.
        self._last_so: dict[str, dict[str, datetime]] = {}
        self._facts: dict[str, Fact] = {}
        self._down: set[str] = set()
        self._happened_at = home.now
        self._happened = 0
        self.hours = Calls(timedelta(hours=1), CALLS_AN_HOUR)
        self.days = Calls(timedelta(days=1), CALLS_A_DAY)
        self._before()

    def happens(self) -> None:
        """Note that something is about to happen at Cloudflare or on the way."""
        self._happened += 1
        self._happened_at = self._home.now
        self._note_truth()

    async def restart(self) -> None:
        """Set the account up anew, and see that all that came of it is right."""
        self.happens()
        self._before()
        # Everybody begins anew.
        self._down.clear()
        await self._home.restart()
        self._after(self._home.heard())

    async def tick(self) -> None:
        """Let a tick pass, and see that all that came of it is right."""
        self._before()
        await self._home.tick()
        self._after(self._home.heard())

    def check(self) -> None:
        """See that what is shown is so, and what nobody can see is not shown."""
        self._note_truth()
        self._nothing_raised()
        self._honest()
        assert not doubles(self._home)
        assert not list(
            self._home.entry.async_get_active_flows(self._home.hass, {"reauth"})
        )
        self._stray_refusals_alarm_nobody()
        if self._is_settled:
            self._well()
            self._troubles.was_refused = False

    def _before(self) -> None:
        self._note_truth()
        self._was_in_order = in_order(self._home)
        self._was_paused = self._troubles.paused
        self._was_open = self._open()

    def _after(self, heard: Collection[Entry]) -> None:
        home = self._home
        self._troubles.note(heard)
        if self._was_paused and self._troubles.paused:
            assert not heard, "asked in a pause"
        writes = [entry for entry in heard if entry.write]
        if self._was_in_order:
            assert not writes, "wrote although all was in order"
        if writes:
            assert self._open() <= self._was_open, "opened the hostname"
        excused = self._happened * CALLS_A_HAPPENING + len(writes) * CALLS_A_WRITE
        excused += 0 if home.is_loaded else CALLS_A_TRY
        excused += self._troubles.asks_more
        self._happened = 0
        self.hours.note(home.now, len(heard), excused)
        self.days.note(home.now, len(heard), excused)
        self.check()

    def _open(self) -> frozenset[Visit]:
        home = self._home
        return self._judge.open_to(home.sandbox.state, home.zone, {HOSTNAME: ()})

    def _note_truth(self) -> None:
        CLOCK.catch_up()
        now = self._home.now
        for entity_id, fact in facts(self._home).items():
            self._facts[entity_id] = fact
            self._last_so.setdefault(entity_id, {})[fact.value] = now

    def _nothing_raised(self) -> None:
        """See that nobody wrote of an error that he did not expect, and each outage is told once."""
        for record in self._log.take():
            # The SDK tells of every failure, to whoever wants to know all.
            if record.levelno <= logging.DEBUG:
                continue
            assert record.exc_info is None, record.getMessage()
            if record.msg == "Error fetching %s data: %s":
                self._goes_down(record)
            elif record.msg == "Fetching %s data recovered":
                self._down.remove(_coordinator(record))
            elif record.name.startswith(
                ("homeassistant", f"custom_components.{DOMAIN}")
            ):
                assert record.levelno < logging.ERROR, record.getMessage()

    def _goes_down(self, record: logging.LogRecord) -> None:
        name = _coordinator(record)
        assert name not in self._down, record.getMessage()
        self._down.add(name)

    def _honest(self) -> None:
        """See that what is shown was so when somebody last looked, or is not known."""
        now = self._home.now
        for entity_id, last_so in self._last_so.items():
            if (shown := self._shown(entity_id)) in _NOTHING:
                continue
            fact = self._facts[entity_id]
            seen = last_so.get(str(shown))
            assert seen, f"{entity_id} invents {shown}"
            age = now - seen
            # Whoever fails to see looks once more before he says so.
            assert age <= fact.every + TICK, (
                f"{entity_id} shows {shown}, {age} too late"
            )
            blind = fact.part and self._troubles.blinds(fact.part)
            assert not blind, f"{entity_id} shows {shown}, and cannot know"

    def _stray_refusals_alarm_nobody(self) -> None:
        """See that nobody is told of a permission unless it lacked for more than one look.

        Who was told once is told until somebody sees that it is there again.
        """
        if not self._troubles.was_refused:
            assert "permission_missing" not in reported(self._home.hass)

    @property
    def _is_settled(self) -> bool:
        since = max(self._troubles.clear_since, self._happened_at)
        return self._home.now - since > _SETTLED

    def _well(self) -> None:
        """See that all is known, in order and told as it is, without anybody's help."""
        home = self._home
        assert home.is_loaded
        assert self._troubles.none
        assert in_order(home)
        assert not self._open()
        assert not self._down, "nobody said that it is well again"
        so = facts(home)
        for entity_id in self._last_so:
            known = self._shown(entity_id) not in _NOTHING
            # A device without any certificate that is good has no next end.
            assert known == (
                entity_id in so and so[entity_id].value != STATE_UNKNOWN
            ), entity_id
        assert reported(home.hass) == repairs(home)

    def _shown(self, entity_id: str) -> str | None:
        state = self._home.hass.states.get(entity_id)
        return state.state if state else None


def _coordinator(record: logging.LogRecord) -> str:
    assert isinstance(record.args, tuple)
    return str(record.args[0])
