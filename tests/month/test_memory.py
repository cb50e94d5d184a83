"""Tests of what the days leave behind in memory."""

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
from tests.proofs.hasty import entered

from .edits import CHANGES, DRIFTS, add_tunnel, remove_tunnel
from .home import Home, HomeLoop
from .log import Log
from .troubles import CALLS, WHOLE, Troubles

# Home Assistant's test plugin keeps some 70 calls of a mock. Whatever any look or any trouble
# left behind would be more.
_OBJECTS_A_DAY: Final = 100
_OBJECTS_A_RESTART: Final = 60
# Home Assistant remembers every device that it ever had.
_UNFORGETTABLE: Final = (add_tunnel, remove_tunnel)


@pytest.mark.parametrize(
    "days", [3, pytest.param(30, marks=pytest.mark.nightly)], ids=["days", "month"]
)
def test_memory_is_flat(freezer: FrozenDateTimeFactory, days: int) -> None:
    """No day with all its troubles leaves anything behind."""
    kept = []
    with (
        Log.listening() as log,
        asyncio.Runner(debug=False, loop_factory=HomeLoop) as runner,
        entered(runner, Home.running(freezer)) as home,
    ):
        for _ in range(days):
            runner.run(_live_a_day(home))
            log.take()
            kept.append(_count())
    # What the first two days leave behind may stay, but no day may add to it.
    grown = kept[-1] - kept[1]
    assert grown.total() < _OBJECTS_A_DAY * (days - 2), grown


def test_restarts_leave_nothing_behind(freezer: FrozenDateTimeFactory) -> None:
    """Whoever was unloaded is gone."""
    kept = []
    with (
        Log.listening(),
        asyncio.Runner(debug=False, loop_factory=HomeLoop) as runner,
        entered(runner, Home.running(freezer)) as home,
    ):
        for _ in range(10):
            runner.run(home.restart())
            home.heard()
            kept.append(_count())
    grown = kept[-1] - kept[4]
    assert grown.total() < _OBJECTS_A_RESTART * 5, grown


def _count() -> Counter[str]:
    gc.collect()
    return Counter(type(item).__name__ for item in gc.get_objects())


async def _live_a_day(home: Home) -> None:
    """Live a day like any other, with every trouble in it."""
    troubles = Troubles(home)
    happenings = _happenings(home, troubles)
    random.Random(1).shuffle(happenings)
    for happen in happenings:
        happen()
        await home.tick(EDGE_EVERY)
        await home.tick(EDGE_EVERY)
        troubles.end()
        await home.tick(EDGE_EVERY)
        home.heard()


def _happenings(home: Home, troubles: Troubles) -> list[Callable[[], None]]:
    return [
        *(partial(troubles.spoil, call, FaultKind.SERVER_ERROR) for call in CALLS),
        *(partial(troubles.spoil_everything, kind) for kind in WHOLE),
        troubles.lose_names,
        partial(troubles.limit, 600),
        *(partial(troubles.refuse_once, call) for call in CALLS),
        *(
            partial(edit, home, 1)
            for edit in (*DRIFTS, *CHANGES)
            if edit not in _UNFORGETTABLE
        ),
    ]
