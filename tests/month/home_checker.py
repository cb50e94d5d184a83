"""Compares what a home shows, reads and writes with the sandbox's state, tick by tick."""

from collections.abc import Collection
from datetime import datetime, timedelta
import logging
from typing import Final

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox.clock import CLOCK
from sandbox.journal import Entry
from tests.common import EDGE_EVERY, HOSTNAME, reported
from tests.proofs.exposure import UnauthorizedRequest, admitted
from tests.sentences import REPEATED

from .active_faults import ActiveFaults
from .call_budget import (
    CALLS_A_CHANGE,
    CALLS_A_DAY,
    CALLS_A_SETUP,
    CALLS_A_WRITE,
    CALLS_AN_HOUR,
    CallBudget,
)
from .captured_log import CapturedLog
from .expected_states import (
    ExpectedState,
    duplicates,
    expected_repairs,
    expected_states,
    is_in_sync,
)
from .home import TICK, Home

_NOT_KNOWN: Final = (None, STATE_UNAVAILABLE, STATE_UNKNOWN)

# Two refreshes of the protection: the second one fixes what the first one could not.
_RECOVERY: Final = 2 * EDGE_EVERY + 5 * TICK


class HomeChecker:
    """Checks a home after each tick; a test tells it of every change before making it."""

    def __init__(
        self,
        home: Home,
        faults: ActiveFaults,
        log: CapturedLog,
    ) -> None:
        """Start with a home that is in sync and without faults."""
        self._home = home
        self._faults = faults
        self._log = log
        # When each value of each entity was right for the last time.
        self._last_right: dict[str, dict[str, datetime]] = {}
        self._expected: dict[str, ExpectedState] = {}
        # The coordinators that have logged an outage and not yet its end.
        self._failing: set[str] = set()
        self._changed_at = home.now
        self._changes = 0
        self._hour = CallBudget(timedelta(hours=1), CALLS_AN_HOUR)
        self._day = CallBudget(timedelta(days=1), CALLS_A_DAY)
        self._before_tick()

    def expect_change(self) -> None:
        """Note that something is about to change at Cloudflare or on the way there."""
        self._changes += 1
        self._changed_at = self._home.now
        self._note_expected()

    async def reload(self) -> None:
        """Reload the account, and check what came of it."""
        self.expect_change()
        self._before_tick()
        # New coordinators log an outage of their own.
        self._failing.clear()
        await self._home.reload()
        self._after_tick(self._home.take_requests())

    async def tick(self) -> None:
        """Let a tick pass, and check what came of it."""
        self._before_tick()
        await self._home.tick()
        self._after_tick(self._home.take_requests())

    def check(self) -> None:
        """Check what holds at any time, and what holds once everything has recovered."""
        self._note_expected()
        self._check_log()
        self._check_states()
        assert not duplicates(self._home)
        assert not list(
            self._home.entry.async_get_active_flows(self._home.hass, {"reauth"})
        )
        self._check_permission_repair()
        if self._has_recovered:
            self._check_recovery()
            self._faults.was_refused = False

    def _before_tick(self) -> None:
        self._note_expected()
        self._was_in_sync = is_in_sync(self._home)
        self._was_paused = self._faults.is_paused
        self._admitted = self._find_admitted()

    def _after_tick(self, requests: Collection[Entry]) -> None:
        home = self._home
        self._faults.note(requests)
        if self._was_paused and self._faults.is_paused:
            assert not requests, "called in a pause"
        writes = [entry for entry in requests if entry.write]
        if self._was_in_sync:
            assert not writes, "wrote although everything was in sync"
        if writes:
            assert self._find_admitted() <= self._admitted, "exposed the hostname"
        excused = self._changes * CALLS_A_CHANGE + len(writes) * CALLS_A_WRITE
        excused += 0 if home.is_loaded else CALLS_A_SETUP
        self._changes = 0
        self._hour.note(home.now, len(requests), excused)
        self._day.note(home.now, len(requests), excused)
        self.check()

    def _find_admitted(self) -> frozenset[UnauthorizedRequest]:
        home = self._home
        return admitted(home.sandbox.state, home.zone, {HOSTNAME: ()})

    def _note_expected(self) -> None:
        CLOCK.catch_up()
        now = self._home.now
        for entity_id, expected in expected_states(self._home).items():
            self._expected[entity_id] = expected
            self._last_right.setdefault(entity_id, {})[expected.value] = now

    def _check_log(self) -> None:
        """Check that no unexpected error is logged, and each outage once."""
        for record in self._log.take():
            # The SDK logs every failure at debug level, with its traceback.
            if record.levelno <= logging.DEBUG:
                continue
            assert record.exc_info is None, record.getMessage()
            if record.msg == "Error fetching %s data: %s":
                self._check_outage_is_new(record)
            elif record.msg == "Fetching %s data recovered":
                self._failing.remove(_coordinator(record))
            elif record.name.startswith(
                ("homeassistant", f"custom_components.{DOMAIN}")
            ):
                assert record.levelno < logging.ERROR, record.getMessage()

    def _check_outage_is_new(self, record: logging.LogRecord) -> None:
        name = _coordinator(record)
        assert name not in self._failing, record.getMessage()
        self._failing.add(name)

    def _check_states(self) -> None:
        """Check that each state was right at the last refresh, or is not known."""
        now = self._home.now
        for entity_id, last_right in self._last_right.items():
            if (shown := self._state(entity_id)) in _NOT_KNOWN:
                continue
            expected = self._expected[entity_id]
            seen = last_right.get(str(shown))
            assert seen, f"{entity_id} shows {shown}, which never was right"
            age = now - seen
            # A refresh that fails is repeated once before its entities become unknown.
            assert age <= expected.every + TICK, (
                f"{entity_id} shows {shown}, {age} too late"
            )
            unknown = expected.part and self._faults.makes_unknown(expected.part)
            assert not unknown, f"{entity_id} shows {shown}, which it cannot know"

    def _check_permission_repair(self) -> None:
        """Check that a single refusal opens no repair about a missing permission.

        An open repair stays until the permission was seen to be there again.
        """
        if not self._faults.was_refused:
            assert "permission_missing" not in reported(self._home.hass)

    @property
    def _has_recovered(self) -> bool:
        since = max(self._faults.none_since, self._changed_at)
        return self._home.now - since > _RECOVERY

    def _check_recovery(self) -> None:
        """Check that everything is known, in sync and shown as it is, without help."""
        home = self._home
        assert home.is_loaded
        assert self._faults.none
        assert is_in_sync(home)
        assert not self._find_admitted()
        assert not self._failing, (
            f"the end of an outage was not logged: {self._failing}"
        )
        states = expected_states(home)
        for entity_id in self._last_right:
            known = self._state(entity_id) not in _NOT_KNOWN
            # The next expiry is unknown if no certificate is active.
            assert known == (
                entity_id in states and states[entity_id].value != STATE_UNKNOWN
            ), entity_id
        # For a day, a person is told of what was undone again and again.
        assert reported(home.hass) - {*REPEATED} == expected_repairs(home)

    def _state(self, entity_id: str) -> str | None:
        state = self._home.hass.states.get(entity_id)
        return state.state if state else None


def _coordinator(record: logging.LogRecord) -> str:
    assert isinstance(record.args, tuple)
    return str(record.args[0])
