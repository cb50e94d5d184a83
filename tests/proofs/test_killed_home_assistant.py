"""A real Home Assistant, killed at each write of a build-up, and started again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
import signal
from typing import Final

import pytest

from sandbox.faults import FaultKind
from tests.engine.builders import protected

from .cloud import Cloud
from .dashboard import HOME
from .real_home import RealHome
from .scenarios import lived_in
from .trouble import Kill
from .witness import Witness, doubles, reaches, remains

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]

_WRITES: Final = 5
_HOSTNAME: Final = protected(HOME, "/api/webhook/")
# What the origin itself would answer, and what the edge does where it cannot be reached.
_OPEN: Final = {200, 502, 523}


@asynccontextmanager
async def _lived_in_cloud() -> AsyncIterator[tuple[Cloud, Witness]]:
    """Run a cloud in which somebody is seen at every write, and knocks all the time."""
    async with Cloud.running() as cloud:
        await cloud.let_visitors_come()
        cloud.restore()
        await lived_in(cloud)
        witness = Witness(cloud)
        witness.protected[HOME] = _HOSTNAME.exempt_paths
        witness.begin()
        seen: set[int] = set()
        knocking = asyncio.create_task(_knock(cloud, seen))
        try:
            yield cloud, witness
        finally:
            knocking.cancel()
        assert seen
        assert seen.isdisjoint(_OPEN)
        assert 403 in seen
        assert not witness.violations
        assert not doubles(cloud, {HOME})


async def _knock(cloud: Cloud, seen: set[int]) -> None:
    for revoked in cycle((False, True)):
        seen.add(await cloud.knock(HOME, "/", revoked=revoked))
        await asyncio.sleep(0.1)


async def _die_at_write(
    cloud: Cloud, home: RealHome, kind: FaultKind, nth: int
) -> None:
    kill = Kill(kind, first=nth, seconds=0.01, pid=lambda: home.pid)
    cloud.sandbox.faults.add(kill)
    await home.start()
    assert await home.until_dead() == -signal.SIGKILL, home.log
    cloud.sandbox.faults.clear()


async def _live(cloud: Cloud, home: RealHome) -> None:
    """Start it, and wait until it is in sync by itself."""
    await home.start()
    try:
        async with asyncio.timeout(300):
            # Two rules, an association, an ingress rule and a record.
            while len(remains(cloud, HOME)) < _WRITES:
                await asyncio.sleep(0.1)
    finally:
        await home.stop()
    assert reaches(cloud, _HOSTNAME)


def _home(cloud: Cloud, folder: Path) -> RealHome:
    sandbox = cloud.sandbox
    return RealHome(folder / "home", sandbox.api_url, sandbox.token, _HOSTNAME)


@pytest.mark.parametrize("nth", range(1, _WRITES + 1))
@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER])
def test_killed_at_a_write(
    runner: asyncio.Runner, tmp_path: Path, kind: FaultKind, nth: int
) -> None:
    """Killed at a write."""

    async def play() -> None:
        async with _lived_in_cloud() as (cloud, _):
            home = _home(cloud, tmp_path)
            await _die_at_write(cloud, home, kind, nth)
            await _live(cloud, home)
            # Nothing that took effect was written a second time.
            done = [
                entry for entry in cloud.sandbox.journal.writes if entry.took_effect
            ]
            assert len(done) == _WRITES

    runner.run(play())


def test_killed_at_every_write(runner: asyncio.Runner, tmp_path: Path) -> None:
    """Killed at every write."""

    async def play() -> None:
        async with _lived_in_cloud() as (cloud, _):
            home = _home(cloud, tmp_path)
            for _ in range(_WRITES):
                await _die_at_write(cloud, home, FaultKind.RESET_AFTER, 1)
            await _live(cloud, home)
            assert len(cloud.sandbox.journal.writes) == _WRITES

    runner.run(play())
