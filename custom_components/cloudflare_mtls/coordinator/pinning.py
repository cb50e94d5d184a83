"""Has the rules list the certificates of companion devices, where they accept only some."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from ..const import LOGGER
from ..engine.api.ask_each import ask_each
from ..engine.api.errors import EngineError
from ..engine.sync.accepted import Accepted
from ..engine.sync.problems import Problem, ProblemCode
from ..engine.sync.reconciler import Extent, Reconciler

_NO_ROOM: Final = (
    ProblemCode.TOO_MANY_PINNED,
    ProblemCode.TOO_MANY_LIMITED,
    ProblemCode.NO_FURTHER_PAIR,
)


async def async_find_room_problem(
    reconciler: Reconciler, accepted: Accepted
) -> Problem | None:
    """Return why a zone's rules cannot list these certificates, if so; raise EngineError.

    A zone that cannot be looked at keeps no other from listing them.
    """
    extent = _everything(reconciler)
    zones = await ask_each(reconciler.zones_of(extent.hostnames), reconciler.look)
    zones.raise_if_all_failed()
    for view in zones.found.values():
        plan = reconciler.plan_for(view, accepted, extent)
        for problem in plan.problems:
            if problem.code in _NO_ROOM:
                return problem
    return None


async def async_write_pins(
    writing: Callable[[], AbstractAsyncContextManager[Reconciler]],
) -> None:
    """Bring the rules to the certificates that are good by now.

    What fails here is drift, and fixed like any other.
    """
    try:
        async with writing() as reconciler:
            await reconciler.sync(_everything(reconciler))
    except EngineError as err:
        LOGGER.debug("Certificates could not be pinned: %s", err)


def _everything(reconciler: Reconciler) -> Extent:
    return reconciler.unasked({item.hostname for item in reconciler.hostnames})
