"""Tests of a long time in which now and then something goes wrong, and nobody helps."""

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
from tests.proofs.hasty import entered
from tests.proofs.witness import Judge

from .edits import CHANGES, DRIFTS, Edit
from .home import TICK, Home, HomeLoop
from .log import Log
from .troubles import CALLS, WHOLE, Call, Troubles
from .witness import Witness

_HOURS: Final = timedelta(hours=3)
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


class Life(RuleBasedStateMachine):
    """A home, its Cloudflare, those who edit there, and all that can be in between."""

    freezer: ClassVar[FrozenDateTimeFactory]
    log: ClassVar[Log]
    judge: ClassVar[Judge]
    start: ClassVar[datetime]
    # How long may pass at once, at most.
    longest: ClassVar[timedelta]

    def __init__(self) -> None:
        """Begin with a home where all is well."""
        super().__init__()
        self.freezer.move_to(self.start)
        self.log.take()
        self.runner = asyncio.Runner(debug=False, loop_factory=HomeLoop)
        self._stay = entered(self.runner, Home.running(self.freezer))
        self.home = self._stay.__enter__()
        self.troubles = Troubles(self.home)
        self.witness = Witness(self.home, self.troubles, self.judge, self.log)

    @rule(then=_spans)
    def do_nothing(self, then: timedelta) -> None:
        """Let time pass."""
        self._pass(then)

    @rule(call=_calls, number=_numbers, then=_spans)
    def spoil(self, call: Call, number: int, then: timedelta) -> None:
        """Spoil one call."""
        self.witness.happens()
        self.troubles.spoil(call, call.kinds[number % len(call.kinds)])
        self._pass(then)

    @rule(kind=st.sampled_from(WHOLE), then=_spans)
    def spoil_everything(self, kind: FaultKind, then: timedelta) -> None:
        """Spoil all calls."""
        self.witness.happens()
        self.troubles.spoil_everything(kind)
        self._pass(then)

    @rule(then=_spans)
    def lose_names(self, then: timedelta) -> None:
        """Have no name server answer."""
        self.witness.happens()
        self.troubles.lose_names()
        self._pass(then)

    @precondition(lambda self: self.troubles.none)
    @rule(seconds=st.sampled_from([30, 600, 7200]), then=_spans)
    def limit(self, seconds: int, then: timedelta) -> None:
        """Have Cloudflare ask for a pause."""
        self.witness.happens()
        self.troubles.limit(seconds)
        self._pass(then)

    @precondition(lambda self: self.troubles.calm)
    @rule(call=_calls, then=_spans)
    def refuse_once(self, call: Call, then: timedelta) -> None:
        """Refuse one call for no reason."""
        self.witness.happens()
        self.troubles.refuse_once(call)
        self._pass(then)

    @precondition(lambda self: not self.troubles.none)
    @rule(then=_spans)
    def end_troubles(self, then: timedelta) -> None:
        """Have all answer again."""
        self.witness.happens()
        self.troubles.end()
        self._pass(then)

    @rule(edit=st.sampled_from(DRIFTS), number=_numbers, then=_spans)
    def drift(self, edit: Edit, number: int, then: timedelta) -> None:
        """Have somebody undo a part of what is ours."""
        self.witness.happens()
        edit(self.home, number)
        self._pass(then)

    @rule(edit=st.sampled_from(CHANGES), number=_numbers, then=_spans)
    def change(self, edit: Edit, number: int, then: timedelta) -> None:
        """Have something else change at Cloudflare."""
        self.witness.happens()
        edit(self.home, number)
        self._pass(then)

    @rule(days=st.integers(1, 60), then=_spans)
    def make_certificate_elsewhere(self, days: int, then: timedelta) -> None:
        """Have somebody else make a certificate."""
        self.witness.happens()
        self.runner.run(self._make_certificate(days))
        self._pass(then)

    @rule(then=_spans)
    def restart(self, then: timedelta) -> None:
        """Set the account up anew."""
        self.runner.run(self.witness.restart())
        self._pass(then)

    @invariant()
    def check(self) -> None:
        """See that all is as it must be, at every moment."""
        self.witness.check()

    def teardown(self) -> None:
        """Have all be well in the end, if nothing was wrong until now."""
        try:
            self.troubles.end()
            self._pass(_HOURS)
        finally:
            self._stay.__exit__(None, None, None)
            self.runner.close()

    def _pass(self, span: timedelta) -> None:
        self.runner.run(self._live(min(span, self.longest)))

    async def _live(self, span: timedelta) -> None:
        for _ in range(span // TICK):
            await self.witness.tick()

    async def _make_certificate(self, days: int) -> None:
        await add_certificate(
            self.home.sandbox,
            name="Somebody's phone",
            organization="Somebody",
            certificate_id=f"00000000-0000-4000-8000-{len(self.home.zone.certificates):012}",
            not_before=self.home.now,
            days=days,
        )


def _live(
    freezer: FrozenDateTimeFactory, name: str, how: settings, longest: timedelta
) -> None:
    with Log.listening() as log:
        members = {
            "freezer": freezer,
            "log": log,
            "judge": Judge(),
            "start": freezer(),
            "longest": longest,
        }
        # Hypothesis looks elsewhere for every name.
        run_state_machine_as_test(type(name, (Life,), members), settings=how)


def test_days(freezer: FrozenDateTimeFactory) -> None:
    """Some days."""
    how = settings(search(11), phases=[Phase.generate], stateful_step_count=10)
    _live(freezer, "Day", how, timedelta(hours=1))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_days(freezer: FrozenDateTimeFactory) -> None:
    """Many days, found anew each time, and the shortest that fails."""
    how = settings(search(300, again=False), stateful_step_count=30)
    _live(freezer, "ManyDays", how, timedelta(hours=6))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(4))
def test_months(freezer: FrozenDateTimeFactory, part: int) -> None:
    """Months, found anew each time."""
    # What fails after a month cannot be made shorter in a night.
    how = settings(
        search(8, again=False), phases=[Phase.generate], stateful_step_count=140
    )
    _live(freezer, f"Month{part}", how, timedelta(days=1))
