"""A real Home Assistant that is killed while it sets up, changes or ends a login, and started again."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
import json
from pathlib import Path
import signal
from typing import Any, Final

import pytest

from custom_components.cloudflare_mtls.engine.access.settings import LoginSettings
from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from sandbox.faults import FaultKind
from sandbox.journal import Entry
from sandbox.seed import ACCOUNT_ID
from sandbox.state import Access, AccessGroup
from tests.engine.access.contents import counts, foreign, ours
from tests.engine.access.helpers import HOME, OWNER, PARTNER, Home, settings
from tests.engine.access.reach import Way, reach
from tests.logins import LOGIN_ID, login, only_another_login

from .call_faults import Kill
from .home_assistant_process import ENTRY_ID, HomeAssistantProcess
from .resettable_sandbox import ResettableSandbox

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]

_BEFORE: Final = settings(OWNER, countries=frozenset({"DE"}))
_AFTER: Final = settings(
    OWNER,
    PARTNER,
    countries=frozenset({"DE", "AT"}),
    open_paths=frozenset({"/auth/token"}),
)
_PROTECT: Final = {
    "action": ["cloudflare_mtls", "protect_with_access"],
    "data": {
        "config_entry_id": ENTRY_ID,
        "hostname": HOME,
        "emails": sorted([OWNER, PARTNER]),
        "countries": ["DE", "AT"],
        "open_paths": ["/auth/token"],
    },
}
_RECORDS: Final = f"cloudflare_mtls.{ENTRY_ID}.logins"
_STOP: Final = {
    "open": [ENTRY_ID, "login_hostname"],
    "context": {"source": "reconfigure", "subentry_id": LOGIN_ID},
    "answers": [{"next_step_id": "stop"}, {}],
}


@dataclass(frozen=True)
class Job:
    """What somebody does, what is there before it and after it, and how many writes it takes."""

    what: Mapping[str, object]
    start: LoginSettings | None
    end: LoginSettings | None
    writes: int

    @property
    def is_trial(self) -> bool:
        """Return whether nobody has proven yet that the login works."""
        return self.start is None


_JOBS: Final = {
    # The tag, the group, the policy, the open path and the application.
    "set up": Job(_PROTECT, None, _AFTER, 5),
    # The group, the policy and the open path.
    "change": Job(_PROTECT, _BEFORE, _AFTER, 3),
    # The application, the policy and the tag.
    "end": Job(_STOP, _BEFORE, None, 3),
}
_STOPS: Final = [
    pytest.param(name, nth, kind, id=f"{name}-{nth}-{kind}")
    for name, job in _JOBS.items()
    for nth in range(1, job.writes + 1)
    for kind in (FaultKind.RESET_BEFORE, FaultKind.RESET_AFTER)
]


@dataclass
class Watch:
    """Looks after every write whether a promise was broken."""

    sandbox: ResettableSandbox
    allowed: frozenset[Way]
    theirs: Sequence[Any]
    violations: list[str] = field(default_factory=list)

    def look(self, entry: Entry) -> None:
        """Look at what is there after a call."""
        now = access_of(self.sandbox)
        write = f"{entry.method} {entry.path}"
        if opened := reach(now) - self.allowed:
            self.violations.append(f"{write} opened {sorted(opened)}")
        if (OWNER, "DE", "/") not in reach(now):
            self.violations.append(f"{write} locked the owner out")
        if foreign(now) != self.theirs:
            self.violations.append(f"{write} changed something foreign")
        for name, count in counts(now).items():
            if count > 1:
                self.violations.append(f"{write}: {name} is there {count} times")


@dataclass(frozen=True)
class Stage:
    """A sandbox at the start of a job, and the Home Assistant that does it."""

    job: Job
    sandbox: ResettableSandbox
    home: HomeAssistantProcess
    wanted: frozenset[Way]


def access_of(sandbox: ResettableSandbox) -> Access:
    """Return what is at Cloudflare."""
    return sandbox.state.accounts[ACCOUNT_ID].access


@asynccontextmanager
async def staged(job: Job, folder: Path) -> AsyncIterator[Stage]:
    """Bring a sandbox to the start of a job, and check every write from then on."""
    async with ResettableSandbox.running() as sandbox:
        only_another_login(sandbox)
        family = AccessGroup("Family", [{"email": {"email": PARTNER}}])
        access_of(sandbox).groups[family.id] = family
        client = CloudflareClient(sandbox.token, base_url=sandbox.api_url)
        wanted = await _reach_of(sandbox, client, job.end)
        if job.start is not None:
            assert (await Home(client).set_up(job.start)).outcome.error is None
        access = access_of(sandbox)
        watch = Watch(sandbox, reach(access) | wanted, deepcopy(foreign(access)))
        sandbox.journal.clear()
        sandbox.request_listeners.append(watch.look)
        logins = [login(job.start)] if job.start else []
        home = HomeAssistantProcess(folder / "home", sandbox, *logins)
        try:
            yield Stage(job, sandbox, home, wanted)
        finally:
            await home.stop()
        assert sandbox.journal.writes
        assert watch.violations == []


async def _reach_of(
    sandbox: ResettableSandbox, client: CloudflareClient, chosen: LoginSettings | None
) -> frozenset[Way]:
    """Return who reaches what with these settings; afterwards all is as it was before."""
    before = deepcopy(access_of(sandbox))
    if chosen is not None:
        assert (await Home(client).set_up(chosen)).outcome.error is None
    found = reach(access_of(sandbox))
    sandbox.state.accounts[ACCOUNT_ID].access = before
    return found


async def _run_until_killed(stage: Stage, kind: FaultKind, nth: int) -> None:
    """Have the job begin, and kill Home Assistant at the n-th write."""
    stage.home.have_done(stage.job.what)
    kill = Kill(kind, first=nth, seconds=0.01, pid=lambda: stage.home.pid)
    stage.sandbox.faults.add(kill)
    await stage.home.start()
    assert await stage.home.wait() == -signal.SIGKILL, stage.home.log
    stage.sandbox.faults.clear()


async def _finish(stage: Stage) -> None:
    """Start Home Assistant again, and wait until it is where the job leads."""
    job, home = stage.job, stage.home
    if job.is_trial:
        _let_trial_end(home)
    # A change that was interrupted is a person's to repeat; all else Home Assistant does itself.
    is_change = job.start is not None and job.end is not None
    home.have_done(job.what if is_change else None)
    await home.start()
    if is_change:
        await home.until(lambda: home.has_done)
        await home.until(lambda: _emails(home) == [[OWNER, PARTNER]])
        assert reach(access_of(stage.sandbox)) == stage.wanted
    else:
        # What is stored tells that Home Assistant has looked: perhaps nothing was left to remove.
        stages = ["undone"] if job.is_trial else []
        await home.until(lambda: _stages(home) == stages and _emails(home) == [])
        assert ours(access_of(stage.sandbox)) == []
    await home.stop()


def _let_trial_end(home: HomeAssistantProcess) -> None:
    """Have the time of the trial pass, which was stored before the first write."""
    path = home.stored(_RECORDS)
    stored = json.loads(path.read_text())
    [record] = stored["data"].values()
    assert record["stage"] == "trial"
    record["until"] = "2026-01-01T00:00:00+00:00"
    path.write_text(json.dumps(stored))


def _stages(home: HomeAssistantProcess) -> list[str]:
    """Return how far the login hostnames have come, as it is stored."""
    stored = json.loads(home.stored(_RECORDS).read_text())
    return [each["stage"] for each in stored["data"].values()]


def _emails(home: HomeAssistantProcess) -> list[list[str]]:
    """Return who may log in at each login hostname, as it is stored."""
    stored = json.loads(home.stored("core.config_entries").read_text())
    entries = {each["entry_id"]: each for each in stored["data"]["entries"]}
    entry = entries[ENTRY_ID]
    return [sorted(each["data"]["emails"]) for each in entry["subentries"]]


@pytest.mark.parametrize("name", _JOBS)
def test_writes_of_a_job(runner: asyncio.Runner, tmp_path: Path, name: str) -> None:
    """The tests below stop at each of these writes, and at no other."""

    async def play() -> None:
        async with staged(_JOBS[name], tmp_path) as stage:
            stage.home.have_done(stage.job.what)
            await stage.home.start()
            await stage.home.until(lambda: stage.home.has_done)
            await stage.home.stop()
            assert len(stage.sandbox.journal.writes) == stage.job.writes
            assert reach(access_of(stage.sandbox)) == stage.wanted

    runner.run(play())


@pytest.mark.parametrize(("name", "nth", "kind"), _STOPS)
def test_killed_at_a_write(
    runner: asyncio.Runner, tmp_path: Path, name: str, nth: int, kind: FaultKind
) -> None:
    """A trial is taken back, a change can be made again, and an end comes to its end."""

    async def play() -> None:
        async with staged(_JOBS[name], tmp_path) as stage:
            await _run_until_killed(stage, kind, nth)
            await _finish(stage)

    runner.run(play())
