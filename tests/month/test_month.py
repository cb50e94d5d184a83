"""Random days and months with faults and edits, in which the home recovers by itself."""

import asyncio
from datetime import datetime, timedelta
from typing import ClassVar, Final

from freezegun.api import FrozenDateTimeFactory
from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
import pytest

from sandbox.faults import FaultKind
from tests.common import add_certificate
from tests.engine.searching import search
from tests.proofs.time_skipping import entered

from .active_faults import CALLS, KINDS_FOR_ALL_CALLS, ActiveFaults, Call
from .captured_log import CapturedLog
from .edits import CHANGES, DRIFTS, Edit
from .home import TICK, Home, HomeLoop
from .home_checker import HomeChecker

_RECOVERY: Final = timedelta(hours=3)
_SPANS: Final = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
)

_spans = st.sampled_from(_SPANS)
_numbers = st.integers(0, 255)
_calls = st.sampled_from(CALLS)


class HomeHistory(RuleBasedStateMachine):
    """A home through faults, edits at Cloudflare and reloads; each step lets time pass."""

    freezer: ClassVar[FrozenDateTimeFactory]
    log: ClassVar[CapturedLog]
    start: ClassVar[datetime]
    # The most time that a step lets pass.
    longest: ClassVar[timedelta]

    def __init__(self) -> None:
        """Start with a home that is in sync and without faults."""
        super().__init__()
        self.freezer.move_to(self.start)
        self.log.take()
        self.runner = asyncio.Runner(debug=False, loop_factory=HomeLoop)
        self._running = entered(self.runner, Home.running(self.freezer))
        self.home = self._running.__enter__()
        self.faults = ActiveFaults(self.home)
        self.checker = HomeChecker(self.home, self.faults, self.log)

    @rule(then=_spans)
    def wait(self, then: timedelta) -> None:
        """Let time pass."""
        self._pass(then)

    @rule(call=_calls, number=_numbers, then=_spans)
    def fail_call(self, call: Call, number: int, then: timedelta) -> None:
        """Let one call fail."""
        self.checker.expect_change()
        self.faults.fail_call(call, call.kinds[number % len(call.kinds)])
        self._pass(then)

    @rule(kind=st.sampled_from(KINDS_FOR_ALL_CALLS), then=_spans)
    def fail_all_calls(self, kind: FaultKind, then: timedelta) -> None:
        """Let all calls fail."""
        self.checker.expect_change()
        self.faults.fail_all_calls(kind)
        self._pass(then)

    @rule(then=_spans)
    def stop_name_resolution(self, then: timedelta) -> None:
        """Let no name server answer."""
        self.checker.expect_change()
        self.faults.stop_name_resolution()
        self._pass(then)

    @precondition(lambda self: self.faults.none)
    @rule(seconds=st.sampled_from([30, 600, 7200]), then=_spans)
    def limit_rate(self, seconds: int, then: timedelta) -> None:
        """Let Cloudflare ask for a pause."""
        self.checker.expect_change()
        self.faults.limit_rate(seconds)
        self._pass(then)

    @precondition(lambda self: self.faults.none_for_long)
    @rule(call=_calls, then=_spans)
    def refuse_once(self, call: Call, then: timedelta) -> None:
        """Refuse one call once, although the token has the permission."""
        self.checker.expect_change()
        self.faults.refuse_once(call)
        self._pass(then)

    @precondition(lambda self: not self.faults.none)
    @rule(then=_spans)
    def end_faults(self, then: timedelta) -> None:
        """End all faults."""
        self.checker.expect_change()
        self.faults.end()
        self._pass(then)

    @rule(edit=st.sampled_from(DRIFTS), number=_numbers, then=_spans)
    def drift(self, edit: Edit, number: int, then: timedelta) -> None:
        """Let somebody change what is ours."""
        self.checker.expect_change()
        edit(self.home, number)
        self._pass(then)

    @rule(edit=st.sampled_from(CHANGES), number=_numbers, then=_spans)
    def change(self, edit: Edit, number: int, then: timedelta) -> None:
        """Let something else change at Cloudflare."""
        self.checker.expect_change()
        edit(self.home, number)
        self._pass(then)

    @rule(days=st.integers(1, 60), then=_spans)
    def create_certificate_elsewhere(self, days: int, then: timedelta) -> None:
        """Let somebody else create a certificate."""
        self.checker.expect_change()
        self.runner.run(self._create_certificate(days))
        self._pass(then)

    @rule(then=_spans)
    def reload(self, then: timedelta) -> None:
        """Reload the account."""
        self.runner.run(self.checker.reload())
        self._pass(then)

    @invariant()
    def check(self) -> None:
        """Check what holds at any time."""
        self.checker.check()

    def teardown(self) -> None:
        """End all faults and check the recovery, then stop everything."""
        try:
            self.faults.end()
            self._pass(_RECOVERY)
        finally:
            self._running.__exit__(None, None, None)
            self.runner.close()

    def _pass(self, span: timedelta) -> None:
        self.runner.run(self._tick_for(min(span, self.longest)))

    async def _tick_for(self, span: timedelta) -> None:
        for _ in range(span // TICK):
            await self.checker.tick()

    async def _create_certificate(self, days: int) -> None:
        await add_certificate(
            self.home.sandbox,
            name="Somebody's phone",
            organization="Somebody",
            certificate_id=f"00000000-0000-4000-8000-{len(self.home.zone.certificates):012}",
            not_before=self.home.now,
            days=days,
        )


def _search(
    freezer: FrozenDateTimeFactory, name: str, how: settings, longest: timedelta
) -> None:
    with CapturedLog.capturing() as log:
        members = {
            "freezer": freezer,
            "log": log,
            "start": freezer(),
            "longest": longest,
        }
        # Hypothesis derives its examples from the class, so each name searches elsewhere.
        run_state_machine_as_test(type(name, (HomeHistory,), members), settings=how)


def test_days(freezer: FrozenDateTimeFactory) -> None:
    """The same eleven histories of some hours in every run."""
    how = settings(search(11), phases=[Phase.generate], stateful_step_count=10)
    _search(freezer, "Day", how, timedelta(hours=1))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_days(freezer: FrozenDateTimeFactory) -> None:
    """New histories of some days in every run, and the shortest that fails."""
    how = settings(search(300, again=False), stateful_step_count=30)
    _search(freezer, "ManyDays", how, timedelta(hours=6))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(4))
def test_months(freezer: FrozenDateTimeFactory, part: int) -> None:
    """New histories of a month in every run; a failing one is too long to be made shorter."""
    how = settings(
        search(8, again=False), phases=[Phase.generate], stateful_step_count=140
    )
    _search(freezer, f"Month{part}", how, timedelta(days=1))
