"""Every call of a run fails in every way, or the home stops right there: nothing worse comes of it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Final, override

from aiohttp import web
import pytest

from custom_components.cloudflare_mtls.engine.access import checked_writes
from custom_components.cloudflare_mtls.engine.access.observation import OwnIds
from custom_components.cloudflare_mtls.engine.access.plan import Occasion
from custom_components.cloudflare_mtls.engine.access.settings import LoginSettings
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import EngineError
from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind
from sandbox.state import Access
from tests.engine.access.contents import counts, foreign, ours
from tests.engine.access.helpers import OWNER, PARTNER, Home, settings
from tests.engine.access.reach import Way, reach
from tests.engine.builders import ACCOUNT_ID, TUNNEL_ID

BEFORE: Final = settings(
    OWNER, countries=frozenset({"DE"}), open_paths=frozenset({"/auth/token"})
)
AFTER: Final = settings(
    OWNER,
    PARTNER,
    countries=frozenset({"DE", "AT"}),
    open_paths=frozenset({"/api/webhook/"}),
    session=BEFORE.session * 2,
)
GUARDED: Final = settings(connector_of=TUNNEL_ID)

_KINDS: Final = (FaultKind.FORBIDDEN, FaultKind.RATE_LIMITED, FaultKind.STALE)
_MORE_KINDS: Final = (
    FaultKind.SERVER_ERROR,
    FaultKind.UNSUCCESSFUL,
    FaultKind.NULL,
    FaultKind.RESET_BEFORE,
    FaultKind.RESET_AFTER,
)


async def _set_up(home: Home) -> None:
    await home.set_up(AFTER)


async def _set_up_guarded(home: Home) -> None:
    await home.set_up(GUARDED)


async def _change(home: Home) -> None:
    await home.apply(AFTER)


async def _remove(home: Home) -> None:
    await home.remove(BEFORE)


@dataclass(frozen=True)
class Job:
    """A run: what is there before, what it does, and what must be there in the end."""

    run: Callable[[Home], Awaitable[None]]
    start: LoginSettings | None
    end: LoginSettings | None


JOBS: Final = {
    "set up": Job(_set_up, None, AFTER),
    "set up with cloudflared": Job(_set_up_guarded, None, GUARDED),
    "change": Job(_change, BEFORE, AFTER),
    "remove": Job(_remove, BEFORE, None),
}


@dataclass
class Stop(Fault):
    """Ends the home in the middle of a call, before or after it took effect."""

    task: asyncio.Task[None] | None = None

    @override
    def spoil(self, answer: web.Response | None) -> web.Response | None:
        assert self.task is not None
        self.task.cancel()
        return None


@dataclass
class Stage:
    """The sandbox, which is set back to the start of a job for every fault."""

    sandbox: Sandbox
    job: Job
    access: Access = field(init=False)
    tunnel: Any = field(init=False)
    stored: OwnIds = field(default_factory=OwnIds)
    wanted: frozenset[Way] = frozenset()
    """Who reaches what once the job is done."""

    def client(self) -> CloudflareClient:
        """Return a client that remembers nothing."""
        return CloudflareClient(self.sandbox.token, base_url=self.sandbox.api_url)

    async def prepare(self) -> None:
        """Bring the sandbox to the start of the job, and keep it."""
        home = Home(self.client())
        if self.job.start is not None:
            assert (await home.set_up(self.job.start)).outcome.error is None
        self.stored = home.stored
        self.access = deepcopy(self.sandbox.state.accounts[ACCOUNT_ID].access)
        self.tunnel = deepcopy(self.sandbox.state.tunnels[TUNNEL_ID].config)

    def reset(self) -> Home:
        """Bring the sandbox back to the start of the job."""
        self.sandbox.faults.clear()
        self.sandbox.journal.clear()
        self.sandbox.state.accounts[ACCOUNT_ID].access = deepcopy(self.access)
        self.sandbox.state.tunnels[TUNNEL_ID].config = deepcopy(self.tunnel)
        return Home(self.client(), self.stored)

    async def calls(self, which: str) -> list[int]:
        """Return the numbers of the calls that the job makes without a fault, or of its writes."""
        await self.job.run(self.reset())
        return [
            number
            for number, entry in enumerate(self.sandbox.journal.requests, start=1)
            if which == "calls" or entry.write
        ]

    @property
    def now(self) -> Access:
        """Return what is at Cloudflare."""
        return self.sandbox.state.accounts[ACCOUNT_ID].access

    def violations(self) -> list[str]:
        """Return which promises are broken, however the job ended."""
        found = []
        allowed = reach(self.access) | self.wanted
        if opened := reach(self.now) - allowed:
            found.append(f"more open: {sorted(opened)}")
        if (OWNER, "DE", "/") not in reach(self.now):
            found.append("the owner is locked out")
        if foreign(self.now) != foreign(self.access):
            found.append("something foreign changed")
        for name, count in counts(self.now).items():
            if count > 1:
                found.append(f"{name} is there {count} times")
        return found

    async def finish(self, home: Home) -> None:
        """Bring the job to its end, with a client that knows no pause."""
        self.sandbox.faults.clear()
        home = replace(home, client=self.client())
        if self.job.end is None:
            assert self.job.start is not None
            assert (await home.remove(self.job.start)).is_done
            assert ours(self.now) == []
            return
        occasion = Occasion.CHANGE if self.job.start else Occasion.SET_UP
        if occasion is Occasion.SET_UP:
            assert (await home.set_up(self.job.end)).outcome.error is None
        else:
            assert (await home.apply(self.job.end)).error is None
        self.sandbox.journal.clear()
        plan = await home.plan(self.job.end, Occasion.CHANGE)
        assert plan.in_sync, plan
        assert not self.sandbox.journal.writes


every_call: Final = pytest.mark.parametrize(
    "which", ["writes", pytest.param("calls", marks=pytest.mark.nightly)]
)


@pytest.fixture(params=JOBS)
async def stage(
    request: pytest.FixtureRequest, sandbox: Sandbox, access: Access
) -> Stage:
    """Return a stage for each job, that knows where the job ends."""
    stage = Stage(sandbox, JOBS[request.param])
    await stage.prepare()
    await stage.job.run(stage.reset())
    stage.wanted = reach(stage.now)
    return stage


@pytest.mark.parametrize(
    "kind",
    [*_KINDS, *(pytest.param(kind, marks=pytest.mark.nightly) for kind in _MORE_KINDS)],
)
@every_call
async def test_every_call_fails(
    stage: Stage, which: str, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends with an error or as it should; another run brings it to its end."""
    monkeypatch.setattr(checked_writes, "REFUSAL_PAUSES", ())
    for number in await stage.calls(which):
        home = stage.reset()
        fault = stage.sandbox.faults.add(Fault(kind, first=number))
        # A read that fails before anything is written is raised.
        with suppress(EngineError):
            await stage.job.run(home)
        assert fault.calls >= number
        assert (number, stage.violations()) == (number, [])
        await stage.finish(home)
        assert (number, stage.violations()) == (number, [])


@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER])
@every_call
async def test_home_stops_at_every_call(
    stage: Stage, which: str, kind: FaultKind
) -> None:
    """What it had stored by then is enough to go on."""
    for number in await stage.calls(which):
        home = stage.reset()
        stop = Stop(kind, first=number)
        stage.sandbox.faults.add(stop)
        stop.task = asyncio.ensure_future(stage.job.run(home))
        with pytest.raises(asyncio.CancelledError):
            await stop.task
        assert (number, stage.violations()) == (number, [])
        await stage.finish(home)
        assert (number, stage.violations()) == (number, [])


@pytest.mark.parametrize("kind", [FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER])
@pytest.mark.parametrize("stage", ["set up", "set up with cloudflared"], indirect=True)
@every_call
async def test_stopped_set_up_is_taken_back(
    stage: Stage, which: str, kind: FaultKind
) -> None:
    """A home that knows nothing of what it created removes it, and nothing is left."""
    assert stage.job.end is not None
    for number in await stage.calls(which):
        home = stage.reset()
        stop = Stop(kind, first=number)
        stage.sandbox.faults.add(stop)
        stop.task = asyncio.ensure_future(stage.job.run(home))
        with pytest.raises(asyncio.CancelledError):
            await stop.task
        stage.sandbox.faults.clear()
        removed = await Home(stage.client()).remove(stage.job.end)
        assert (number, removed.is_done) == (number, True)
        assert (number, ours(stage.now)) == (number, [])
        assert stage.sandbox.state.tunnels[TUNNEL_ID].config == stage.tunnel
