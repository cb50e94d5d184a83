"""Hostname associations are read as they were for up to 75 seconds after a PUT."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from sandbox.clock import Delays
from tests.engine.builders import protected

from .cloud import Cloud
from .dashboard import BOAT, CABIN, HOME, NAS
from .hasty import entered
from .witness import Witness

_LAG = 75


@pytest.fixture
def cloud(runner: asyncio.Runner) -> Iterator[Cloud]:
    """Return a cloud whose associations are read late."""
    with entered(runner, Cloud.running()) as cloud:
        cloud.sandbox.state.delays = Delays(associations=_LAG)
        yield cloud


def catch_up(cloud: Cloud) -> None:
    """Let time pass until reads are true."""
    cloud.sandbox.clock.advance(timedelta(seconds=_LAG + 1))


def test_run_knows_what_it_wrote(runner: asyncio.Runner, cloud: Cloud) -> None:
    """Run knows what it wrote."""
    home = cloud.home(protected(HOME))
    assert runner.run(home.sync()).done
    writes = cloud.writes
    assert runner.run(home.sync()).done
    assert cloud.writes == writes


def test_two_hostnames_in_one_run(runner: asyncio.Runner, cloud: Cloud) -> None:
    """The second PUT keeps what the first one added, though no read shows it yet."""
    runner.run(cloud.home(protected(HOME), protected(CABIN)).sync())
    assert cloud.zone.associations == [NAS, HOME, CABIN]


def test_another_home_undoes_what_it_cannot_see(
    runner: asyncio.Runner, cloud: Cloud
) -> None:
    """Nobody can see it, so nobody can keep it: closed meanwhile, and there again later."""
    here, there = cloud.home(protected(HOME)), cloud.home(protected(BOAT))
    witness = Witness(cloud)
    witness.protected = {HOME: (), BOAT: ()}
    witness.begin()
    runner.run(here.sync())
    runner.run(there.sync())
    assert cloud.zone.associations == [NAS, BOAT]
    assert not witness.violations
    assert not witness.look()
    catch_up(cloud)
    assert runner.run(here.sync()).error is None
    assert cloud.zone.associations == [NAS, BOAT, HOME]
    catch_up(cloud)
    writes = cloud.writes
    assert runner.run(here.sync()).done
    assert runner.run(there.sync()).done
    assert cloud.writes == writes
