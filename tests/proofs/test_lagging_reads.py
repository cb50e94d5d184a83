"""Hostname associations, whose reads return an old list for up to 75 seconds after a PUT."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from sandbox.clock import Delays
from tests.engine.builders import protected

from .hostnames import BOAT, CABIN, HOME, NAS
from .resettable_sandbox import ResettableSandbox
from .time_skipping import entered
from .write_monitor import WriteMonitor

_LAG = 75


@pytest.fixture
def sandbox(runner: asyncio.Runner) -> Iterator[ResettableSandbox]:
    """Return a sandbox whose reads of associations lag."""
    with entered(runner, ResettableSandbox.running()) as sandbox:
        sandbox.state.delays = Delays(associations=_LAG)
        yield sandbox


def wait_for_reads(sandbox: ResettableSandbox) -> None:
    """Let time pass until reads return the latest list."""
    sandbox.clock.advance(timedelta(seconds=_LAG + 1))


def test_own_write_is_remembered(
    runner: asyncio.Runner, sandbox: ResettableSandbox
) -> None:
    """A second run writes nothing, although it still reads the list before the first one."""
    home = sandbox.new_home(protected(HOME))
    assert runner.run(home.sync()).is_done
    writes = sandbox.write_count
    assert runner.run(home.sync()).is_done
    assert sandbox.write_count == writes


def test_two_hostnames_in_one_run(
    runner: asyncio.Runner, sandbox: ResettableSandbox
) -> None:
    """The second PUT keeps the hostname of the first one, which no read returns yet."""
    runner.run(sandbox.new_home(protected(HOME), protected(CABIN)).sync())
    assert sandbox.zone.associations == [NAS, HOME, CABIN]


def test_other_home_removes_what_it_cannot_read(
    runner: asyncio.Runner, sandbox: ResettableSandbox
) -> None:
    """The removed hostname stays closed, and the next run after the lag adds it again."""
    first, second = (
        sandbox.new_home(protected(HOME)),
        sandbox.new_home(protected(BOAT)),
    )
    monitor = WriteMonitor(sandbox)
    monitor.protected = {HOME: (), BOAT: ()}
    monitor.accept_state()
    runner.run(first.sync())
    runner.run(second.sync())
    assert sandbox.zone.associations == [NAS, BOAT]
    assert not monitor.violations
    assert not monitor.admitted()
    wait_for_reads(sandbox)
    assert runner.run(first.sync()).error is None
    assert sandbox.zone.associations == [NAS, BOAT, HOME]
    wait_for_reads(sandbox)
    writes = sandbox.write_count
    assert runner.run(first.sync()).is_done
    assert runner.run(second.sync()).is_done
    assert sandbox.write_count == writes
