"""A home that is stopped at any moment of what it does with a login hostname, and started again."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, override

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.storage.logins import Stage
from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind
from sandbox.journal import Entry
from sandbox.state import Access
from tests.common import setup_integration, wait_for_refresh
from tests.engine.access.contents import counts, foreign
from tests.engine.access.helpers import HOME, OWNER
from tests.engine.access.reach import Way, reach
from tests.logins import access_of
from tests.patience import nobody_waits, patience
from tests.restarts import same_account, started_again

_REFRESH: Final = timedelta(minutes=15)
# In three hours, everything that failed twice is tried again.
_REFRESHES: Final = 12
# The client waits for half a minute.
_LONGER_THAN_THE_CLIENT: Final = 31

type Home = tuple[HomeAssistant, MockConfigEntry]


@dataclass(frozen=True)
class Stop:
    """What is left of a home that stops: on its disk, and at Cloudflare."""

    stored: dict[str, Any]
    account: MockConfigEntry = field(compare=False)
    access: Access

    @property
    def stage(self) -> Stage | None:
        """Return how far the login hostname had come, as it is stored."""
        key = f"cloudflare_mtls.{self.account.entry_id}.logins"
        record = self.stored.get(key, {}).get("data", {}).get(HOME)
        return Stage(record["stage"]) if record else None


@dataclass
class _Camera(Fault):
    """Looks at what is there whenever a call arrives, and lets it pass."""

    look: Callable[[], None] = lambda: None

    @override
    def takes(self, method: str, path: str) -> bool:
        self.look()
        return False


class _Journal(list[Entry]):
    """Entries of a journal; each is looked at once it took effect, before it is answered."""

    def __init__(self, look: Callable[[Entry], None]) -> None:
        super().__init__()
        self._look = look

    @override
    def append(self, entry: Entry) -> None:
        super().append(entry)
        self._look(entry)


class StoppedHome:
    """A home that did something once, and can be started from any moment of that."""

    def __init__(
        self,
        hass: HomeAssistant,
        hass_storage: dict[str, Any],
        sandbox: Sandbox,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Take a home that has nothing to do; `watch` gives it something."""
        self.sandbox = sandbox
        self.stops: list[Stop] = []
        self.wanted: frozenset[Way] = frozenset()
        self._hass = hass
        self._stored = hass_storage
        self._freezer = freezer
        self._began = freezer()
        self._violations: list[str] = []
        # All starts are at the same time of the same day.
        sandbox.state.budget.limit = 10**9

    @property
    def start(self) -> Stop:
        """Return what there was before anything was done."""
        return self.stops[0]

    async def watch(
        self, entry: MockConfigEntry, do: Callable[[Home], Awaitable[None]]
    ) -> None:
        """Have something done, and keep every moment at which it could be stopped."""
        sandbox = self.sandbox

        def look(_: Entry | None = None) -> None:
            stop = Stop(
                deepcopy(self._stored),
                same_account(entry),
                deepcopy(access_of(sandbox)),
            )
            if stop not in self.stops:
                self.stops.append(stop)

        look()
        sandbox.faults.add(_Camera(FaultKind.DELAY, look=look))
        sandbox.journal.requests = _Journal(look)
        await do((self._hass, entry))
        look()
        self.wanted = reach(access_of(sandbox))
        sandbox.faults.clear()
        await self._hass.config_entries.async_unload(entry.entry_id)
        sandbox.journal.requests = _Journal(self._judge)

    @asynccontextmanager
    async def started(
        self, stop: Stop, off: timedelta, faults: Sequence[Fault] = ()
    ) -> AsyncIterator[Home]:
        """Start it some time after a stop; its first refresh meets the faults."""
        self._freezer.move_to(self._began)
        self._freezer.tick(off)
        self._put(self.start)
        for fault in faults:
            self.sandbox.faults.add(fault)
        # A list that lags behind shows what there was at this moment.
        self.sandbox.faults.take("POST", "/")
        self._put(stop)
        slow = [each for each in faults if each.kind is FaultKind.TIMEOUT_AFTER]
        async with started_again(self._hass) as hass:
            entry = same_account(stop.account)
            async with (
                patience(self._freezer, slow[0], _LONGER_THAN_THE_CLIENT)
                if slow
                else nullcontext()
            ):
                await setup_integration(hass, entry)
            self.sandbox.faults.clear()
            if slow:
                await nobody_waits(self._freezer)
            yield hass, entry

    async def wait(self, home: Home, refreshes: int = 1) -> None:
        """Let time pass."""
        for _ in range(refreshes):
            await wait_for_refresh(home[0], self._freezer, _REFRESH)

    async def until(self, home: Home, done: Callable[[Home], bool]) -> None:
        """Let up to three hours pass until something is so."""
        for _ in range(_REFRESHES):
            if done(home):
                return
            await self.wait(home)
        if not done(home):
            self._violations.append("it does not come to its end")

    def violations(self) -> list[str]:
        """Return which promises were broken since this was asked last."""
        found, self._violations = self._violations, []
        return list(dict.fromkeys(found))

    def _put(self, stop: Stop) -> None:
        self._stored.clear()
        self._stored.update(deepcopy(stop.stored))
        sandbox = self.sandbox
        sandbox.state.accounts[sandbox.account_id].access = deepcopy(stop.access)
        sandbox.journal.clear()

    def _judge(self, entry: Entry) -> None:
        """Note what a call broke."""
        now, before = access_of(self.sandbox), self.start.access
        call = f"{entry.method} {entry.path}"
        if opened := reach(now) - reach(before) - self.wanted:
            self._violations.append(f"{call} opened {sorted(opened)}")
        if (OWNER, "DE", "/") not in reach(now):
            self._violations.append(f"{call} locked the owner out")
        if foreign(now) != foreign(before):
            self._violations.append(f"{call} changed something foreign")
        self._violations += [
            f"{call}: {name} is there {count} times"
            for name, count in counts(now).items()
            if count > 1
        ]
