"""A zone's life: homes that sync and break off, an owner who edits, and time that passes."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from itertools import cycle, product
from typing import Any, ClassVar

from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
import pytest

from custom_components.cloudflare_mtls.engine.rules.admissions import Admission
from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from custom_components.cloudflare_mtls.engine.sync.settings import (
    Layout,
    ProtectedHostname,
)
from sandbox.clock import Delays
from sandbox.faults import FaultKind
from sandbox.seed import SERVICE, TUNNEL_ID
from sandbox.state import Plan, Rule
from tests.engine.searching import search

from .cloud import Cloud
from .dashboard import BOAT, CABIN, EDITS, GHOST, HOME, Edit
from .hasty import entered
from .home import Home, Run
from .trouble import At
from .witness import Judge, Witness, doubles, reaches

OWN = (HOME, CABIN)
INTERRUPTIONS = (
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
    FaultKind.SERVER_ERROR,
    FaultKind.RATE_LIMITED,
    FaultKind.FORBIDDEN,
    FaultKind.UNSUCCESSFUL,
    FaultKind.NULL,
    FaultKind.HTML,
)
_PROMPT = Delays()
_LATE = Delays(associations=75)
# How long anything at Cloudflare takes to be felt, and some more.
SETTLED = timedelta(seconds=600)

_numbers = st.integers(0, 255)
_edits = st.sampled_from(EDITS)
_exempt_paths: st.SearchStrategy[tuple[str, ...]] = st.sampled_from(
    [(), ("/api/webhook/",), ("/api/webhook/", "/local/")]
)
_services = st.sampled_from([SERVICE, SERVICE, "http://192.168.1.30:8123"])


class Life(RuleBasedStateMachine):
    """One zone, two homes that protect hostnames in it, and everybody else."""

    runner: ClassVar[asyncio.Runner]
    cloud: ClassVar[Cloud]
    judge: ClassVar[Judge]
    delays: ClassVar[Delays] = _PROMPT

    def __init__(self) -> None:
        """Begin with a home lab."""
        super().__init__()
        self.cloud.restore()
        self.cloud.sandbox.state.delays = self.delays
        self.witness = Witness(self.cloud, self.judge)
        self.visits = cycle(product((HOME, BOAT, CABIN), (False, True)))
        self.here = self.cloud.home()
        self.there = self.cloud.home()

    @initialize(
        plan=st.sampled_from([Plan.FREE, Plan.FREE, Plan.PRO]),
        edits=st.lists(st.tuples(_edits, _numbers), max_size=6),
        ghost=st.none() | _exempt_paths,
        neighbour=st.booleans(),
        own=st.lists(st.sampled_from(OWN), unique=True),
    )
    def begin(
        self,
        plan: Plan,
        edits: list[tuple[Edit, int]],
        ghost: tuple[str, ...] | None,
        neighbour: bool,
        own: list[str],
    ) -> None:
        """Find a zone that others have lived in."""
        self.cloud.zone.plan = plan
        if ghost is not None:
            # Of a Home Assistant that nobody runs any more.
            expression = block_expression({GHOST: Admission(exempt_paths=ghost)})
            self.cloud.zone.rules.append(
                Rule("block", expression, ref="cloudflare_mtls_block")
            )
            self.witness.protected[GHOST] = ghost
        if neighbour:
            self._protect(self.there, BOAT)
            self._sync(self.there)
        for edit, number in edits:
            self._edit(edit, number)
        for hostname in own:
            self._protect(self.here, hostname)

    @rule()
    def sync_here(self) -> None:
        """Sync this home."""
        self._sync(self.here)

    @rule()
    def sync_there(self) -> None:
        """Sync the other home."""
        self._sync(self.there)

    @rule(
        kind=st.sampled_from(INTERRUPTIONS), nth=st.integers(1, 7), here=st.booleans()
    )
    def sync_and_break_off(self, kind: FaultKind, nth: int, here: bool) -> None:
        """Sync, until something goes wrong."""
        self._break(kind, nth)
        self._run(self.here.sync() if here else self.there.sync())

    @precondition(lambda self: self.here.settings)
    @rule(number=_numbers)
    def take_down(self, number: int) -> None:
        """Take a hostname off the internet, for good."""
        hostname = sorted(self.here.settings)[number % len(self.here.settings)]
        self._run(self.here.take_down(hostname))

    @precondition(lambda self: self.here.settings)
    @rule(kind=st.sampled_from(INTERRUPTIONS), nth=st.integers(1, 7), number=_numbers)
    def take_down_and_break_off(self, kind: FaultKind, nth: int, number: int) -> None:
        """Take a hostname down, until something goes wrong."""
        self._break(kind, nth)
        self.take_down(number)

    @rule(hostname=st.sampled_from(OWN), exempt_paths=_exempt_paths)
    def add_here(self, hostname: str, exempt_paths: tuple[str, ...]) -> None:
        """Add a hostname, or change what is exempt of it."""
        self._protect(self.here, hostname, exempt_paths)

    @rule(exempt_paths=_exempt_paths)
    def add_there(self, exempt_paths: tuple[str, ...]) -> None:
        """Do so in the other home."""
        self._protect(self.there, BOAT, exempt_paths)

    @precondition(lambda self: self.here.settings)
    @rule(
        number=_numbers,
        layout=st.sampled_from(Layout),
        service=_services,
        published=st.booleans(),
    )
    def change(
        self, number: int, layout: Layout, service: str, published: bool
    ) -> None:
        """Change a hostname's other settings."""
        hostname = sorted(self.here.settings)[number % len(self.here.settings)]
        self.here.settings[hostname] = replace(
            self.here.settings[hostname],
            layout=layout,
            service=service,
            published=published,
        )

    @precondition(lambda self: self.here.settings)
    @rule()
    def forget(self) -> None:
        """Lose a hostname's settings; at Cloudflare everything stays as it is."""
        self.here.settings.popitem()

    @rule(edit=_edits, number=_numbers)
    def edit(self, edit: Edit, number: int) -> None:
        """Let the owner do something in the dashboard."""
        self._edit(edit, number)

    def _edit(self, edit: Edit, number: int) -> None:
        if self.cloud.zone.outdated_associations:
            # Against a list that is read as it was, nobody can tell what an owner changed.
            self._settle()
        edit(self.cloud, number)

    @rule(seconds=st.integers(1, 90))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.cloud.sandbox.clock.advance(timedelta(seconds=seconds))

    def teardown(self) -> None:
        """Leave both homes alone until they agree, and have devices let in."""
        for home in (self.here, self.there, self.here):
            self._settle()
            run = self._sync(home)
            if run.left and run.left.in_sync:
                for hostname in home.settings.values():
                    assert reaches(self.cloud, hostname)
        for home in (self.here, self.there):
            self._settle()
            writes = self.cloud.writes
            run = self._run(home.sync())
            assert run.error is None
            assert self.cloud.writes == writes
        assert not doubles(self.cloud, self.witness.protected)

    def _protect(
        self, home: Home, hostname: str, exempt_paths: tuple[str, ...] = ()
    ) -> None:
        known = home.settings.get(
            hostname,
            ProtectedHostname(hostname=hostname, tunnel_id=TUNNEL_ID, service=SERVICE),
        )
        home.settings[hostname] = replace(known, exempt_paths=exempt_paths)
        self.witness.protected[hostname] = exempt_paths

    def _break(self, kind: FaultKind, nth: int) -> None:
        self.cloud.sandbox.faults.add(At(kind, first=nth))

    def _settle(self) -> None:
        self.cloud.sandbox.clock.advance(SETTLED)

    def _sync(self, home: Home) -> Run:
        """Sync without any trouble: a second run would find nothing to do."""
        run = self._run(home.sync())
        if run.pause:
            # Of an earlier trouble: it holds for as long as it was asked for.
            self.cloud.sandbox.clock.advance(run.pause)
            run = self._run(home.sync())
        assert run.error is None, run.error
        if run.left and run.left.problems:
            # What a person has to solve may take a second look.
            run = self._run(home.sync())
        if run.left:
            assert not run.left.steps
            reported = {exposure.hostname for exposure in run.left.exposures}
            assert self.witness.open_hostnames() & set(home.settings) <= reported
        return run

    def _run(self, action: Coroutine[Any, Any, Run]) -> Run:
        self.witness.begin()
        run = self.runner.run(action)
        self.cloud.sandbox.faults.clear()
        assert not self.witness.violations, self.witness.violations
        self._knock()
        return run

    def _knock(self) -> None:
        """Visit the running edge, which must do as it was judged."""
        hostname, revoked = next(self.visits)
        known = revoked and self.cloud.zone.associates(hostname)
        gets_in = any(
            (visit.host, visit.path, visit.country, visit.revoked)
            == (hostname, "/", "DE", known)
            for visit in self.judge.open_to(
                self.cloud.sandbox.state, self.cloud.zone, {hostname: ()}
            )
        )
        status = self.runner.run(self.cloud.knock(hostname, "/", revoked=revoked))
        # 502 is an origin that nobody runs, 523 one that is no tunnel's.
        assert (status in (200, 502, 523)) == gets_in


def _live(
    runner: asyncio.Runner, name: str, how: settings, delays: Delays = _PROMPT
) -> None:
    with entered(runner, Cloud.running()) as cloud:
        runner.run(cloud.let_visitors_come())
        members = {"runner": runner, "cloud": cloud, "judge": Judge(), "delays": delays}
        # Hypothesis looks elsewhere for every name.
        run_state_machine_as_test(
            type(name, (Life,), members), settings=settings(how, stateful_step_count=20)
        )


@pytest.mark.parametrize("part", range(4))
def test_life(runner: asyncio.Runner, part: int) -> None:
    """Life."""
    how = settings(search(50), phases=[Phase.generate])
    _live(runner, f"Life{part}", how)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(4))
def test_life_at_length(runner: asyncio.Runner, part: int) -> None:
    """Life at length."""
    _live(runner, f"Life{part}", search(600, again=False))


def test_life_where_reads_lag(runner: asyncio.Runner) -> None:
    """Life where reads lag."""
    how = settings(search(50), phases=[Phase.generate])
    _live(runner, "LaggingLife", how, _LATE)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_life_where_reads_lag_at_length(runner: asyncio.Runner) -> None:
    """Life where reads lag, at length."""
    how = settings(search(600, again=False), phases=[Phase.generate])
    _live(runner, "LaggingLife", how, _LATE)
