"""Two homes in one zone at once, whose requests come in any order.

Cloudflare's rules and lists know no ETag, so the last writer wins. What one can do is to look
immediately before one writes: only what the other writes in that one gap can be undone, and
both are content, and everything closed, after their next runs.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

from hypothesis import given, settings, strategies as st
import pytest

from sandbox.state import State
from tests.engine.builders import protected
from tests.engine.searching import search

from . import dashboard
from .cloud import Cloud
from .dashboard import BOAT, CABIN, GHOST, HOME
from .gate import Choose, Gate, GatedClient
from .hasty import entered
from .home import Home, Run
from .scenarios import lived_in
from .trouble import Endpoint
from .witness import Judge, Witness, doubles, reaches, remains


@dataclass
class Pair:
    """Two homes whose requests go through one gate."""

    cloud: Cloud
    clients: tuple[GatedClient, GatedClient]
    judge: Judge = field(default_factory=Judge)
    witness: Witness = field(init=False)
    here: Home = field(init=False)
    there: Home = field(init=False)

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator[Self]:
        """Run the cloud that both share."""
        async with (
            Cloud.running() as cloud,
            GatedClient("here") as here,
            GatedClient("there") as there,
        ):
            yield cls(cloud, (here, there))

    async def begin(self) -> None:
        """Start both in a zone that is lived in, with a hostname each to protect."""
        self.restart()
        await lived_in(self.cloud)
        self.protect(self.here, HOME)
        self.protect(self.there, BOAT, "/api/webhook/")

    def restart(self, state: State | None = None) -> None:
        """Start both, with nothing to protect, where everything stands as told."""
        self.cloud.restore(state)
        self.witness = Witness(self.cloud, self.judge)
        self.here, self.there = (
            self.cloud.home(http_client=client) for client in self.clients
        )

    async def settle(self) -> None:
        """Bring both in sync, one after the other."""
        for home in (self.here, self.there, self.here):
            assert (await home.sync()).done

    def protect(self, home: Home, hostname: str, *exempt_paths: str) -> None:
        """Have a home protect a hostname."""
        home.settings[hostname] = protected(hostname, *exempt_paths)
        self.witness.protected[hostname] = exempt_paths


async def _nothing_yet(_: Pair) -> None:
    """Let both begin from nothing."""


async def _both_add(pair: Pair) -> None:
    await pair.settle()
    pair.protect(pair.here, CABIN)
    pair.protect(pair.there, GHOST)


async def _one_adds(pair: Pair) -> None:
    await pair.settle()
    pair.protect(pair.there, GHOST)


async def _one_tightens(pair: Pair) -> None:
    await pair.settle()
    pair.protect(pair.there, BOAT)


async def _both_see_damage(pair: Pair) -> None:
    await pair.settle()
    dashboard.delete_block(pair.cloud, 0)
    dashboard.grey_own_record(pair.cloud, 0)
    dashboard.remove_association(pair.cloud, 1)


@dataclass(frozen=True)
class Race:
    """What two homes find, and which hostnames they take down; else they sync."""

    prepare: Callable[[Pair], Awaitable[None]]
    down_here: str | None = None
    down_there: str | None = None

    def deeds(self, pair: Pair) -> list[Coroutine[Any, Any, Run]]:
        """Return what both do."""
        homes = ((pair.here, self.down_here), (pair.there, self.down_there))
        return [home.take_down(down) if down else home.sync() for home, down in homes]

    async def begin(self, pair: Pair) -> Callable[[], None]:
        """Bring both to where the race begins; return what brings them there again."""
        await pair.begin()
        await self.prepare(pair)
        state, protected = pair.cloud.snapshot(), dict(pair.witness.protected)
        settings = [dict(home.settings) for home in (pair.here, pair.there)]

        def again() -> None:
            pair.restart(state)
            pair.witness.protected.update(protected)
            pair.here.settings, pair.there.settings = map(dict, settings)

        return again

    async def run(self, pair: Pair, choose: Choose) -> Gate:
        """Let both act at once, their requests in the order that is chosen."""
        pair.witness.begin()
        gate = Gate(choose)
        for client in pair.clients:
            client.gate = gate
        try:
            await gate.run(*self.deeds(pair))
        finally:
            for client in pair.clients:
                client.gate = None
        return gate

    async def converge(self, pair: Pair) -> None:
        """Let both act again until both are content; everything is right then."""
        for _ in range(3):
            writes = pair.cloud.writes
            runs = [await deed for deed in self.deeds(pair)]
            if pair.cloud.writes == writes:
                break
        assert all(run.done for run in runs)
        assert pair.cloud.writes == writes
        assert not doubles(pair.cloud, pair.witness.protected)
        assert not pair.witness.open_hostnames()
        for home in (pair.here, pair.there):
            for item in home.settings.values():
                if item.hostname in (self.down_here, self.down_there):
                    assert not remains(pair.cloud, item.hostname)
                else:
                    assert reaches(pair.cloud, item)


RACES: Final = {
    "both build up": Race(_nothing_yet),
    "both add": Race(_both_add),
    "both fix": Race(_both_see_damage),
    "both tear down": Race(Pair.settle, down_here=HOME, down_there=BOAT),
    "one tears down, one adds": Race(_one_adds, down_here=HOME),
    "one tears down, one tightens": Race(_one_tightens, down_here=HOME),
}


@pytest.mark.parametrize("name", RACES)
def test_only_the_gap_between_look_and_write_opens(
    runner: asyncio.Runner, name: str
) -> None:
    """One home pauses before each of its requests, while the other does all it has to."""
    race = RACES[name]

    async def play() -> None:
        async with Pair.running() as pair:
            again = await race.begin(pair)
            alone = await race.run(pair, _in_turn)
            opened = []
            for who in ("here", "there"):
                for after in range(_last_write(alone, who)):
                    again()
                    gate = await race.run(pair, _pausing(who, after))
                    if pair.witness.violations and not _met_in_one_gap(gate):
                        opened.append((who, after, pair.witness.violations))
                    await race.converge(pair)
            assert opened == []

    runner.run(play())


def _in_turn(waiting: Sequence[str]) -> int:
    return 0


def _last_write(gate: Gate, who: str) -> int:
    """Return the number of the last request with which one of them wrote."""
    own = [ticket.endpoint.method for ticket in gate.passed if ticket.who == who]
    writes = [number for number, method in enumerate(own, 1) if method != "GET"]
    return max(writes, default=0)


def _pausing(who: str, after: int) -> Choose:
    """Let one home make so many requests, then the other all of its own."""
    made = 0

    def choose(waiting: Sequence[str]) -> int:
        nonlocal made
        others = [place for place, name in enumerate(waiting) if name != who]
        if others and (made == after or who not in waiting):
            return others[0]
        made += 1
        return waiting.index(who)

    return choose


def _met_in_one_gap(gate: Gate) -> bool:
    """Tell whether somebody wrote between a write of the other and the look just before it."""
    for place, write in enumerate(gate.passed):
        if write.endpoint.method == "GET":
            continue
        since: set[str] = set()
        for ticket in reversed(gate.passed[:place]):
            resource, reads = (
                _resource(ticket.endpoint),
                ticket.endpoint.method == "GET",
            )
            if ticket.who != write.who and not reads:
                since.add(resource)
            if ticket.who == write.who and not reads:
                break
            if ticket.who == write.who and resource == _resource(write.endpoint):
                if resource in since:
                    return True
                break
    return False


def _resource(endpoint: Endpoint) -> str:
    """Name what is read and written as a whole."""
    return "rules" if "/rulesets" in endpoint.path else endpoint.path


def _raced(gate: Gate) -> bool:
    """Tell whether somebody wrote what the other had changed since the look at it."""
    changed: set[tuple[str, str]] = set()
    for ticket in gate.passed:
        resource = _resource(ticket.endpoint)
        if ticket.endpoint.method != "GET":
            if (ticket.who, resource) in changed:
                return True
            changed |= {(who, resource) for who in ("here", "there")}
        # Answers to writes show what is there as well.
        changed.discard((ticket.who, resource))
    return False


@pytest.mark.parametrize("name", RACES)
def test_in_any_order(runner: asyncio.Runner, name: str) -> None:
    """In any order."""
    _play_in_any_order(runner, RACES[name], search(15))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", RACES)
def test_in_any_order_at_length(runner: asyncio.Runner, name: str) -> None:
    """In any order, at length."""
    _play_in_any_order(runner, RACES[name], search(1000, again=False))


def _play_in_any_order(runner: asyncio.Runner, race: Race, how: settings) -> None:
    async def play(pair: Pair, order: list[int]) -> None:
        again()
        turns = iter(order)
        gate = await race.run(pair, lambda waiting: next(turns, 0) % len(waiting))
        opened = [item for item in pair.witness.violations if " opened " in item]
        assert pair.witness.violations == opened
        assert not opened or _raced(gate), opened
        await race.converge(pair)

    with entered(runner, Pair.running()) as pair:
        again = runner.run(race.begin(pair))

        @how
        @given(st.lists(st.integers(0, 9), max_size=40))
        def search_orders(order: list[int]) -> None:
            runner.run(play(pair, order))

        search_orders()
