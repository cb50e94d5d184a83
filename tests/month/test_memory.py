"""Memory does not grow from day to day, nor from reload to reload."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
import gc
import random
from typing import Final

from freezegun.api import FrozenDateTimeFactory
import pytest

from sandbox.faults import FaultKind
from tests.common import EDGE_EVERY
from tests.proofs.time_skipping import entered

from .active_faults import CALLS, KINDS_FOR_ALL_CALLS, ActiveFaults
from .captured_log import CapturedLog
from .edits import CHANGES, DRIFTS, add_tunnel, remove_tunnel
from .home import Home, HomeLoop

# Anything that every refresh or every fault left behind would be more.
_OBJECTS_A_DAY: Final = 100
_OBJECTS_A_RELOAD: Final = 60
# Home Assistant keeps every device that was ever deleted.
_KEPT_BY_HOME_ASSISTANT: Final = (add_tunnel, remove_tunnel)


@pytest.mark.parametrize(
    "days", [3, pytest.param(30, marks=pytest.mark.nightly)], ids=["days", "month"]
)
def test_days_leave_nothing_behind(freezer: FrozenDateTimeFactory, days: int) -> None:
    """Each day has every fault and every edit once."""
    kept = []
    with (
        CapturedLog.capturing() as log,
        asyncio.Runner(debug=False, loop_factory=HomeLoop) as runner,
        entered(runner, Home.running(freezer)) as home,
    ):
        for _ in range(days):
            runner.run(_run_a_day(home))
            log.take()
            kept.append(_count())
    # The first two days fill caches; later days may not add anything.
    grown = _without_calls(kept[-1] - kept[1])
    assert grown.total() < _OBJECTS_A_DAY * (days - 2), grown


def test_reloads_leave_nothing_behind(freezer: FrozenDateTimeFactory) -> None:
    """The objects of an account that was unloaded are freed."""
    kept = []
    with (
        CapturedLog.capturing(),
        asyncio.Runner(debug=False, loop_factory=HomeLoop) as runner,
        entered(runner, Home.running(freezer)) as home,
    ):
        for _ in range(10):
            runner.run(home.reload())
            home.take_requests()
            kept.append(_count())
    grown = _without_calls(kept[-1] - kept[4])
    assert grown.total() < _OBJECTS_A_RELOAD * 5, grown


def _without_calls(grown: Counter[str]) -> Counter[str]:
    """Leave out the calls of a mock that Home Assistant's test plugin keeps, some 70 each day."""
    calls = grown["_Call"] // 2
    return grown - Counter({"_Call": 2 * calls, "dict": 3 * calls, "tuple": calls})


def _count() -> Counter[str]:
    gc.collect()
    return Counter(type(item).__name__ for item in gc.get_objects())


async def _run_a_day(home: Home) -> None:
    """Run a day in which every fault and every edit happens once, always in the same order."""
    faults = ActiveFaults(home)
    events = _events(home, faults)
    random.Random(1).shuffle(events)
    for cause in events:
        cause()
        await home.tick(EDGE_EVERY)
        await home.tick(EDGE_EVERY)
        faults.end()
        await home.tick(EDGE_EVERY)
        home.take_requests()


def _events(home: Home, faults: ActiveFaults) -> list[Callable[[], None]]:
    return [
        *(partial(faults.fail_call, call, FaultKind.SERVER_ERROR) for call in CALLS),
        *(partial(faults.fail_all_calls, kind) for kind in KINDS_FOR_ALL_CALLS),
        faults.stop_name_resolution,
        partial(faults.limit_rate, 600),
        *(partial(faults.refuse_once, call) for call in CALLS),
        *(
            partial(edit, home, 1)
            for edit in (*DRIFTS, *CHANGES)
            if edit not in _KEPT_BY_HOME_ASSISTANT
        ),
    ]
