"""Tests of a home that stops in the middle of a login, and cannot read all of Access when it starts again."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
import json
from typing import Any, Final, override

from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.engine.access.settings import LoginSettings
from custom_components.cloudflare_mtls.storage.logins import Stage
from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind
from tests.common import act, settle, submit
from tests.engine.access.contents import ours
from tests.engine.access.helpers import HOME, OWNER, PARTNER, settings as chosen
from tests.engine.access.reach import reach
from tests.flows.login_dialog import change, choose_item
from tests.logins import access_of, login, told

from .stopped_logins import Home, Stop, StoppedHome

pytestmark = pytest.mark.usefixtures("without_login")

_BEFORE: Final = chosen(OWNER, countries=frozenset({"DE"}))
_AN_HOUR: Final = timedelta(hours=1)
# Lists lag behind for half a minute.
_A_RESTART: Final = timedelta(seconds=20)
_EMPTY: Final = "empty list"
_LAGGING: Final = "lagging list"
_TIMEOUT: Final = "timeout"
_KINDS: Final = (_TIMEOUT, "403", "429", "500", _EMPTY, _LAGGING)
_BY_DAY: Final = ("500", _EMPTY, _LAGGING)
_OF_LISTS: Final = (_EMPTY, _LAGGING)
_ALL: Final = "*/access/*"
_LISTS: Final = tuple(
    f"*/access/{each}"
    for each in ("apps", "policies", "groups", "tags", "identity_providers")
)
# What these tell decides nothing.
_OF_OTHERS: Final = ("/access_requests", "/users")


async def _protect(home: Home) -> None:
    hass, entry = home
    await act(
        hass,
        entry,
        "protect_with_access",
        hostname=HOME,
        emails=[OWNER, PARTNER],
        countries=["DE", "AT"],
        open_paths=["/auth/token"],
    )
    await settle(hass)


async def _end(home: Home) -> None:
    hass, entry = home
    result = await choose_item(hass, await change(hass, entry), "stop")
    await submit(hass, result, {})
    await settle(hass)


async def _expect_undone(stopped: StoppedHome, home: Home, stop: Stop) -> None:
    """Nobody logged in: the trial is taken back, and a person is told."""
    if stop.stage is Stage.TRIAL:
        await stopped.until(home, lambda home: "login_undone" in told(home[0]))
    assert ours(access_of(stopped.sandbox)) == []


async def _expect_change(stopped: StoppedHome, home: Home, stop: Stop) -> None:
    """A person repeats what they did not see the end of."""
    await stopped.wait(home, refreshes=2)
    await _protect(home)
    assert reach(access_of(stopped.sandbox)) == stopped.wanted


async def _expect_end(stopped: StoppedHome, home: Home, stop: Stop) -> None:
    """What a person ordered is done, and what they had not yet ordered is not."""
    if stop.stage is Stage.KEPT:
        await stopped.wait(home, refreshes=2)
        assert access_of(stopped.sandbox) == stop.access
        return
    await stopped.until(
        home, lambda home: not home[1].get_subentries_of_type("login_hostname")
    )
    assert ours(access_of(stopped.sandbox)) == []


@dataclass(frozen=True)
class Job:
    """What a person does, what is there before it, and what there must be after a stop."""

    do: Callable[[Home], Awaitable[None]]
    start: LoginSettings | None
    expect: Callable[[StoppedHome, Home, Stop], Awaitable[None]]


_JOBS: Final = {
    "set up": Job(_protect, None, _expect_undone),
    "change": Job(_protect, _BEFORE, _expect_change),
    "end": Job(_end, _BEFORE, _expect_end),
}


@dataclass
class EmptyList(Fault):
    """Shows an empty list, and single things as they are."""

    @override
    def spoil(self, answer: web.Response | None) -> web.Response | None:
        assert answer is not None
        body = json.loads(answer.text or "null")
        if isinstance(body["result"], list):
            body["result"] = []
        return web.json_response(body, status=answer.status)


@pytest.fixture(params=_JOBS)
def job(request: pytest.FixtureRequest) -> Job:
    """Return what a person does."""
    return _JOBS[request.param]


@pytest.fixture
def devices(job: Job) -> list[ConfigSubentryDataWithId]:
    """Return the login hostname that is there before."""
    return [login(job.start)] if job.start else []


@pytest.fixture
async def stopped(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    job: Job,
) -> StoppedHome:
    """Return a home that did the job, and can be started from every moment of that."""
    stopped = StoppedHome(hass, hass_storage, sandbox, freezer)
    await stopped.watch(loaded_entry, job.do)
    return stopped


async def _reads(stopped: StoppedHome, stop: Stop, off: timedelta) -> list[str]:
    """Return what of Access is read first after a stop."""
    async with stopped.started(stop, off):
        found = [
            entry.path
            for entry in stopped.sandbox.journal.requests
            if entry.method == "GET"
            and fnmatchcase(entry.path, _ALL)
            and not entry.path.endswith(_OF_OTHERS)
        ]
    return list(dict.fromkeys(found))


def _fault(kind: str, path: str) -> Fault:
    """Return a fault of every read of a path."""
    match kind:
        case "timeout":
            return Fault(FaultKind.TIMEOUT_AFTER, "GET", path, times=None)
        case "empty list":
            return EmptyList(FaultKind.DELAY, "GET", path, times=None)
        case "lagging list":
            return Fault(FaultKind.STALE, "GET", path, times=None)
        case _:
            return Fault(FaultKind(kind), "GET", path, times=None)


def _off(kind: str) -> timedelta:
    return _A_RESTART if kind == _LAGGING else _AN_HOUR


@pytest.mark.parametrize(
    "kind",
    [
        *_BY_DAY,
        *(
            pytest.param(kind, marks=pytest.mark.nightly)
            for kind in _KINDS
            if kind not in _BY_DAY
        ),
    ],
)
async def test_no_read_works_after_a_stop(
    stopped: StoppedHome, job: Job, kind: str
) -> None:
    """Nothing is more open than before, nobody is locked out, and all comes to its end."""
    paths = _LISTS if kind in _OF_LISTS else (_ALL,)
    for number, stop in enumerate(stopped.stops):
        faults = [_fault(kind, path) for path in paths]
        async with stopped.started(stop, _off(kind), faults) as home:
            await job.expect(stopped, home, stop)
        assert (number, stopped.violations()) == (number, [])


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", _KINDS)
async def test_one_read_does_not_work_after_a_stop(
    stopped: StoppedHome, job: Job, kind: str
) -> None:
    """One answer that is missing or wrong beside good ones does no harm either."""
    for number, stop in enumerate(stopped.stops):
        for path in await _reads(stopped, stop, _off(kind)):
            if kind in _OF_LISTS and not any(
                fnmatchcase(path, each) for each in _LISTS
            ):
                continue
            fault = _fault(kind, path)
            async with stopped.started(stop, _off(kind), [fault]) as home:
                assert fault.calls
                await job.expect(stopped, home, stop)
            assert (number, path, stopped.violations()) == (number, path, [])
