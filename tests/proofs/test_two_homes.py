"""Two homes act in one zone at once, and their requests arrive in any order.

Cloudflare's rules and lists have no ETag, so the last write wins. The engine therefore reads
immediately before it writes: one home can undo only what the other one writes in this gap.
After their next runs both homes are in sync and everything is closed.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Self

from hypothesis import given, settings, strategies as st
import pytest

from sandbox.clock import CLOCK
from sandbox.state import State
from tests.engine.builders import protected
from tests.engine.searching import search

from . import dashboard_edits
from .endpoint import Endpoint
from .home import Home, Run
from .hostnames import BOAT, CABIN, HOME, SHED
from .request_scheduler import Choose, RequestScheduler, ScheduledClient
from .resettable_sandbox import ResettableSandbox
from .scenarios import add_foreign_things
from .time_skipping import entered
from .write_monitor import WriteMonitor
from .zone_contents import contents_of, devices_get_in, duplicates

_SENDERS: Final = ("first", "second")


@dataclass
class TwoHomes:
    """Two homes in one sandbox, whose requests a scheduler can order."""

    sandbox: ResettableSandbox
    clients: tuple[ScheduledClient, ...]
    monitor: WriteMonitor = field(init=False)
    first: Home = field(init=False)
    second: Home = field(init=False)

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator[Self]:
        """Run the sandbox that both homes share."""
        first, second = map(ScheduledClient, _SENDERS)
        async with ResettableSandbox.running() as sandbox, first, second:
            yield cls(sandbox, (first, second))

    async def start(self) -> None:
        """Start both homes with a hostname each, in a zone with foreign things."""
        self.restart()
        await add_foreign_things(self.sandbox)
        self.protect(self.first, HOME)
        self.protect(self.second, BOAT, "/api/webhook/")

    def restart(self, state: State | None = None) -> None:
        """Start both homes without hostnames, in a saved state or the initial one."""
        self.sandbox.restore(state)
        self.monitor = WriteMonitor(self.sandbox)
        self.first, self.second = (
            self.sandbox.new_home(http_client=client) for client in self.clients
        )

    async def sync(self) -> None:
        """Bring both homes in sync, one after the other."""
        for home in (self.first, self.second, self.first):
            assert (await home.sync()).is_done

    def protect(self, home: Home, hostname: str, *exempt_paths: str) -> None:
        """Let a home protect a hostname."""
        home.settings[hostname] = protected(hostname, *exempt_paths)
        self.monitor.protected[hostname] = exempt_paths


async def _do_nothing(_: TwoHomes) -> None:
    """Let both homes start with nothing of theirs in the zone."""


async def _add_hostname_to_both(homes: TwoHomes) -> None:
    await homes.sync()
    homes.protect(homes.first, CABIN)
    homes.protect(homes.second, SHED)


async def _add_hostname_to_second(homes: TwoHomes) -> None:
    await homes.sync()
    homes.protect(homes.second, SHED)


async def _remove_exempt_path_of_second(homes: TwoHomes) -> None:
    await homes.sync()
    homes.protect(homes.second, BOAT)


async def _cause_drift(homes: TwoHomes) -> None:
    await homes.sync()
    dashboard_edits.delete_block(homes.sandbox, 0)
    dashboard_edits.unproxy_own_record(homes.sandbox, 0)
    dashboard_edits.remove_association(homes.sandbox, 1)


@dataclass(frozen=True)
class Race:
    """Two runs at the same time: each home syncs, or takes a hostname down."""

    prepare: Callable[[TwoHomes], Awaitable[None]]
    first_takes_down: str | None = None
    second_takes_down: str | None = None

    def runs(self, homes: TwoHomes) -> list[Coroutine[Any, Any, Run]]:
        """Return the run of each home."""
        return [
            home.take_down(hostname) if hostname else home.sync()
            for home, hostname in (
                (homes.first, self.first_takes_down),
                (homes.second, self.second_takes_down),
            )
        ]

    async def prepare_start(self, homes: TwoHomes) -> Callable[[], None]:
        """Bring both homes to the start; return a function that brings them back there."""
        await homes.start()
        await self.prepare(homes)
        state, exempt_paths = homes.sandbox.snapshot(), dict(homes.monitor.protected)
        settings = [dict(home.settings) for home in (homes.first, homes.second)]

        def return_to_start() -> None:
            homes.restart(state)
            homes.monitor.protected.update(exempt_paths)
            homes.first.settings, homes.second.settings = map(dict, settings)

        return return_to_start

    async def run(self, homes: TwoHomes, choose: Choose) -> RequestScheduler:
        """Run both at once, with their requests in the chosen order."""
        homes.monitor.accept_state()
        scheduler = RequestScheduler(choose)
        for client in homes.clients:
            client.scheduler = scheduler
        try:
            await scheduler.run(*self.runs(homes))
        finally:
            for client in homes.clients:
                client.scheduler = None
        return scheduler

    async def check_recovery(self, homes: TwoHomes) -> None:
        """Run both until neither writes, and check the final state.

        That is at the next look of each: until then a home keeps associations that it read a
        moment ago, also if the other one removes them.
        """
        CLOCK.advance(_LAG)
        for _ in range(3):
            writes = homes.sandbox.write_count
            runs = [await run for run in self.runs(homes)]
            if homes.sandbox.write_count == writes:
                break
        assert all(run.is_done for run in runs)
        assert homes.sandbox.write_count == writes
        assert not duplicates(homes.sandbox, homes.monitor.protected)
        assert not homes.monitor.exposed_hostnames()
        for home in (homes.first, homes.second):
            for item in home.settings.values():
                if item.hostname in (self.first_takes_down, self.second_takes_down):
                    assert not contents_of(homes.sandbox, item.hostname)
                else:
                    assert devices_get_in(homes.sandbox, item)


# Reads of associations lag by up to 75 seconds.
_LAG: Final = timedelta(seconds=76)
RACES: Final = {
    "both build up": Race(_do_nothing),
    "both add": Race(_add_hostname_to_both),
    "both fix": Race(_cause_drift),
    "both tear down": Race(
        TwoHomes.sync, first_takes_down=HOME, second_takes_down=BOAT
    ),
    "one tears down, one adds": Race(_add_hostname_to_second, first_takes_down=HOME),
    "one tears down, one removes an exempt path": Race(
        _remove_exempt_path_of_second, first_takes_down=HOME
    ),
}


@pytest.mark.parametrize("name", RACES)
def test_only_writes_between_read_and_write_expose(
    runner: asyncio.Runner, name: str
) -> None:
    """One home stops before each of its requests in turn, while the other one runs."""
    race = RACES[name]

    async def play() -> None:
        async with TwoHomes.running() as homes:
            return_to_start = await race.prepare_start(homes)
            undisturbed = await race.run(homes, _one_after_the_other)
            unexpected = []
            for sender in _SENDERS:
                for count in range(_last_write(undisturbed, sender)):
                    return_to_start()
                    scheduler = await race.run(homes, _stop_after(sender, count))
                    if homes.monitor.violations and not _wrote_in_gap(scheduler):
                        unexpected.append((sender, count, homes.monitor.violations))
                    await race.check_recovery(homes)
            assert unexpected == []

    runner.run(play())


def _one_after_the_other(waiting: Sequence[str]) -> int:
    return 0


def _last_write(scheduler: RequestScheduler, sender: str) -> int:
    """Return the number of the last request with which a home wrote."""
    methods = [
        request.endpoint.method
        for request in scheduler.sent
        if request.sender == sender
    ]
    writes = [number for number, method in enumerate(methods, 1) if method != "GET"]
    return max(writes, default=0)


def _stop_after(sender: str, count: int) -> Choose:
    """Let one home send a number of requests, then the other one all of its own."""
    sent = 0

    def choose(waiting: Sequence[str]) -> int:
        nonlocal sent
        others = [index for index, name in enumerate(waiting) if name != sender]
        if others and (sent == count or sender not in waiting):
            return others[0]
        sent += 1
        return waiting.index(sender)

    return choose


def _wrote_in_gap(scheduler: RequestScheduler) -> bool:
    """Return whether a home wrote between a write of the other one and the read before it."""
    for index, write in enumerate(scheduler.sent):
        if write.endpoint.method == "GET":
            continue
        written_by_other: set[str] = set()
        for request in reversed(scheduler.sent[:index]):
            resource = _resource(request.endpoint)
            reads = request.endpoint.method == "GET"
            if request.sender != write.sender and not reads:
                written_by_other.add(resource)
            if request.sender == write.sender and not reads:
                break
            if request.sender == write.sender and resource == _resource(write.endpoint):
                if resource in written_by_other:
                    return True
                break
    return False


def _resource(endpoint: Endpoint) -> str:
    """Return the path of what is read and written as a whole."""
    return "rules" if "/rulesets" in endpoint.path else endpoint.path


def _wrote_without_reading(scheduler: RequestScheduler) -> bool:
    """Return whether a home wrote what the other one had changed since it was read."""
    changed: set[tuple[str, str]] = set()
    for request in scheduler.sent:
        resource = _resource(request.endpoint)
        if request.endpoint.method != "GET":
            if (request.sender, resource) in changed:
                return True
            changed |= {(sender, resource) for sender in _SENDERS}
        # The answer to a write shows the resource too.
        changed.discard((request.sender, resource))
    return False


@pytest.mark.parametrize("name", RACES)
def test_random_orders(runner: asyncio.Runner, name: str) -> None:
    """The same 15 orders of requests in every run."""
    _search_orders(runner, RACES[name], search(15))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", RACES)
def test_many_random_orders(runner: asyncio.Runner, name: str) -> None:
    """New orders of requests in every run."""
    _search_orders(runner, RACES[name], search(1000, again=False))


def _search_orders(runner: asyncio.Runner, race: Race, how: settings) -> None:
    async def play(homes: TwoHomes, order: list[int]) -> None:
        return_to_start()
        numbers = iter(order)
        scheduler = await race.run(
            homes, lambda waiting: next(numbers, 0) % len(waiting)
        )
        opened = [item for item in homes.monitor.violations if " opened " in item]
        assert homes.monitor.violations == opened
        assert not opened or _wrote_without_reading(scheduler), opened
        await race.check_recovery(homes)

    with entered(runner, TwoHomes.running()) as homes:
        return_to_start = runner.run(race.prepare_start(homes))

        @how
        @given(st.lists(st.integers(0, 9), max_size=40))
        def search_orders(order: list[int]) -> None:
            runner.run(play(homes, order))

        search_orders()
