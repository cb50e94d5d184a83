"""Random histories of a zone: two homes sync or break off, an owner edits, time passes."""

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

from .call_faults import CallFault
from .dashboard_edits import EDITS, Edit, remove_association
from .exposure import admitted
from .home import Home, Run
from .hostnames import BOAT, CABIN, DEVICES, HOME, SHED
from .resettable_sandbox import ResettableSandbox
from .time_skipping import entered
from .write_monitor import WriteMonitor
from .zone_contents import devices_get_in, duplicates

OWN = (HOME, CABIN)
FAULTS = (
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
    FaultKind.SERVER_ERROR,
    FaultKind.RATE_LIMITED,
    FaultKind.FORBIDDEN,
    FaultKind.UNSUCCESSFUL,
    FaultKind.NULL,
    FaultKind.HTML,
)
_NO_DELAYS = Delays()
_LAGGING_READS = Delays(associations=75)
# Longer than any change at Cloudflare takes to have an effect.
SETTLED = timedelta(seconds=600)

_numbers = st.integers(0, 255)
_edits = st.sampled_from(EDITS)
_exempt_paths: st.SearchStrategy[tuple[str, ...]] = st.sampled_from(
    [(), ("/api/webhook/",), ("/api/webhook/", "/local/"), ("/api/webhook/x",)]
)
_services = st.sampled_from([SERVICE, SERVICE, "http://192.168.1.30:8123"])


class ZoneHistory(RuleBasedStateMachine):
    """A zone in which two homes protect hostnames and an owner edits.

    Each run ends without violations; after a run without faults nothing remains to be done.
    """

    runner: ClassVar[asyncio.Runner]
    sandbox: ClassVar[ResettableSandbox]
    delays: ClassVar[Delays] = _NO_DELAYS

    def __init__(self) -> None:
        """Start with the home lab and two homes without hostnames."""
        super().__init__()
        self.sandbox.restore()
        self.sandbox.state.delays = self.delays
        self.monitor = WriteMonitor(self.sandbox)
        self.requests = cycle(product((HOME, BOAT, CABIN), (False, True)))
        self.first = self.sandbox.new_home()
        self.second = self.sandbox.new_home()

    @initialize(
        plan=st.sampled_from([Plan.FREE, Plan.FREE, Plan.PRO]),
        edits=st.lists(st.tuples(_edits, _numbers), max_size=6),
        abandoned=st.none() | _exempt_paths,
        neighbour=st.booleans(),
        own=st.lists(st.sampled_from(OWN), unique=True),
    )
    def begin(
        self,
        plan: Plan,
        edits: list[tuple[Edit, int]],
        abandoned: tuple[str, ...] | None,
        neighbour: bool,
        own: list[str],
    ) -> None:
        """Start in a zone that the owner has edited and others may use."""
        self.sandbox.zone.plan = plan
        if abandoned is not None:
            # Left behind by a Home Assistant that does not run any more.
            expression = block_expression({SHED: Admission(exempt_paths=abandoned)})
            self.sandbox.zone.rules.append(
                Rule("block", expression, ref="cloudflare_mtls_block")
            )
            self.monitor.protected[SHED] = abandoned
        if neighbour:
            self._protect(self.second, BOAT)
            self._sync(self.second)
        for edit, number in edits:
            self._edit(edit, number)
        for hostname in own:
            self._protect(self.first, hostname)

    @rule()
    def sync_first_home(self) -> None:
        """Sync the first home."""
        self._sync(self.first)

    @rule()
    def sync_second_home(self) -> None:
        """Sync the second home."""
        self._sync(self.second)

    @rule(kind=st.sampled_from(FAULTS), nth=st.integers(1, 7), in_first=st.booleans())
    def sync_with_fault(self, kind: FaultKind, nth: int, in_first: bool) -> None:
        """Sync a home, with a fault at the n-th write."""
        self._add_fault(kind, nth)
        self._run(self.first.sync() if in_first else self.second.sync())

    @precondition(lambda self: self.first.settings)
    @rule(number=_numbers)
    def take_down(self, number: int) -> None:
        """Take a hostname of the first home down; its settings stay."""
        hostname = sorted(self.first.settings)[number % len(self.first.settings)]
        self._run(self.first.take_down(hostname))

    @precondition(lambda self: self.first.settings)
    @rule(kind=st.sampled_from(FAULTS), nth=st.integers(1, 7), number=_numbers)
    def take_down_with_fault(self, kind: FaultKind, nth: int, number: int) -> None:
        """Take a hostname down, with a fault at the n-th write."""
        self._add_fault(kind, nth)
        self.take_down(number)

    @rule(hostname=st.sampled_from(OWN), exempt_paths=_exempt_paths)
    def protect_in_first_home(
        self, hostname: str, exempt_paths: tuple[str, ...]
    ) -> None:
        """Add a hostname to the first home, or change its exempt paths."""
        self._protect(self.first, hostname, exempt_paths)

    @rule(exempt_paths=_exempt_paths)
    def protect_in_second_home(self, exempt_paths: tuple[str, ...]) -> None:
        """Add the hostname of the second home, or change its exempt paths."""
        self._protect(self.second, BOAT, exempt_paths)

    @precondition(lambda self: self.first.settings)
    @rule(
        number=_numbers,
        layout=st.sampled_from(Layout),
        service=_services,
        published=st.booleans(),
        devices=st.sampled_from([None, None, ["phone"], ["tablet"], [*DEVICES], []]),
    )
    def change(
        self,
        number: int,
        layout: Layout,
        service: str,
        published: bool,
        devices: list[str] | None,
    ) -> None:
        """Change a hostname's other settings."""
        hostname = sorted(self.first.settings)[number % len(self.first.settings)]
        self.first.settings[hostname] = replace(
            self.first.settings[hostname],
            layout=layout,
            service=service,
            published=published,
            devices=None if devices is None else frozenset(devices),
        )
        self.monitor.watch(self.first.settings[hostname])

    @precondition(lambda self: self.first.settings)
    @rule()
    def forget(self) -> None:
        """Remove a hostname's settings without taking it down at Cloudflare."""
        self.first.settings.popitem()

    @rule(edit=_edits, number=_numbers)
    def edit(self, edit: Edit, number: int) -> None:
        """Let the owner edit something in the dashboard."""
        self._edit(edit, number)

    def _edit(self, edit: Edit, number: int) -> None:
        if edit is remove_association or self.sandbox.zone.outdated_associations:
            # For a while after it has written, no home can distinguish the owner's edit from a read that lags.
            self._settle()
        edit(self.sandbox, number)

    @rule(seconds=st.integers(1, 90))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.sandbox.clock.advance(timedelta(seconds=seconds))

    def teardown(self) -> None:
        """Check that both homes settle: devices get in, and nothing is written twice."""
        for home in (self.first, self.second, self.first):
            self._settle()
            run = self._sync(home)
            if run.remaining and run.remaining.in_sync:
                for hostname in home.settings.values():
                    assert devices_get_in(self.sandbox, hostname)
        for home in (self.first, self.second):
            self._settle()
            writes = self.sandbox.write_count
            run = self._run(home.sync())
            assert run.error is None
            assert self.sandbox.write_count == writes
        assert not duplicates(self.sandbox, self.monitor.protected)

    def _protect(
        self, home: Home, hostname: str, exempt_paths: tuple[str, ...] = ()
    ) -> None:
        known = home.settings.get(
            hostname,
            ProtectedHostname(hostname=hostname, tunnel_id=TUNNEL_ID, service=SERVICE),
        )
        home.settings[hostname] = replace(known, exempt_paths=exempt_paths)
        self.monitor.watch(home.settings[hostname])

    def _add_fault(self, kind: FaultKind, nth: int) -> None:
        self.sandbox.faults.add(CallFault(kind, first=nth))

    def _settle(self) -> None:
        self.sandbox.clock.advance(SETTLED)

    def _sync(self, home: Home) -> Run:
        """Sync a home without faults, and check that no step remains."""
        run = self._run(home.sync())
        if run.pause:
            # An earlier fault asked for a pause, which is not over.
            self.sandbox.clock.advance(run.pause)
            run = self._run(home.sync())
        assert run.error is None, run.error
        if run.remaining and run.remaining.problems:
            # A problem that only a person can solve may need a second observation.
            run = self._run(home.sync())
        if run.remaining:
            assert not run.remaining.steps
            reported = {exposure.hostname for exposure in run.remaining.exposures}
            assert self.monitor.exposed_hostnames() & set(home.settings) <= reported
        return run

    def _run(self, action: Coroutine[Any, Any, Run]) -> Run:
        self.monitor.accept_state()
        run = self.runner.run(action)
        self.sandbox.faults.clear()
        assert not self.monitor.violations, self.monitor.violations
        self._request_at_edge()
        return run

    def _request_at_edge(self) -> None:
        """Check with one request that the running edge does what the proofs expect of it."""
        hostname, revoked = next(self.requests)
        known = revoked and self.sandbox.zone.associates(hostname)
        gets_in = any(
            (request.host, request.path, request.country, request.revoked)
            == (hostname, "/", "DE", known)
            for request in admitted(
                self.sandbox.state, self.sandbox.zone, {hostname: ()}
            )
        )
        status = self.runner.run(
            self.sandbox.status_at_edge(hostname, "/", revoked=revoked)
        )
        # 502: no server at the origin's address. 523: the service is not the tunnel's.
        assert (status in (200, 502, 523)) == gets_in


def _search(
    runner: asyncio.Runner, name: str, how: settings, delays: Delays = _NO_DELAYS
) -> None:
    with entered(runner, ResettableSandbox.running()) as sandbox:
        runner.run(sandbox.start_visitors())
        members = {
            "runner": runner,
            "sandbox": sandbox,
            "delays": delays,
        }
        # Hypothesis derives its examples from the class, so each name searches elsewhere.
        run_state_machine_as_test(
            type(name, (ZoneHistory,), members),
            settings=settings(how, stateful_step_count=20),
        )


@pytest.mark.parametrize("part", range(4))
def test_random_histories(runner: asyncio.Runner, part: int) -> None:
    """The same 50 histories in every run; a failing one is not made shorter."""
    how = settings(search(50), phases=[Phase.generate])
    _search(runner, f"ZoneHistory{part}", how)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(4))
def test_many_random_histories(runner: asyncio.Runner, part: int) -> None:
    """New histories in every run, and the shortest that fails."""
    _search(runner, f"ZoneHistory{part}", search(600, again=False))


def test_random_histories_with_lagging_reads(runner: asyncio.Runner) -> None:
    """Reads of hostname associations lag by 75 seconds."""
    how = settings(search(50), phases=[Phase.generate])
    _search(runner, "LaggingZoneHistory", how, _LAGGING_READS)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_random_histories_with_lagging_reads(runner: asyncio.Runner) -> None:
    """Reads of hostname associations lag by 75 seconds; new histories in every run."""
    how = settings(search(600, again=False), phases=[Phase.generate])
    _search(runner, "LaggingZoneHistory", how, _LAGGING_READS)
