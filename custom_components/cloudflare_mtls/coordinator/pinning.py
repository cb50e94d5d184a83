"""Has the rules accept only the certificates of companion devices, where a person chose that."""

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager

from ..const import LOGGER
from ..engine.api.ask_each import ask_each
from ..engine.api.errors import EngineError
from ..engine.sync.problems import Problem, ProblemCode
from ..engine.sync.reconciler import Extent, Reconciler


async def async_find_pin_problem(
    reconciler: Reconciler, fingerprints: Collection[str]
) -> Problem | None:
    """Return why a zone cannot take these fingerprints, if there are too many; raise EngineError.

    A zone that cannot be looked at keeps no other from being pinned.
    """
    extent = _everything(reconciler)
    zones = await ask_each(reconciler.zones_of(extent.hostnames), reconciler.look)
    zones.raise_if_all_failed()
    for view in zones.found.values():
        plan = reconciler.plan_for(view, frozenset(fingerprints), extent)
        for problem in plan.problems:
            if problem.code is ProblemCode.TOO_MANY_PINNED:
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
