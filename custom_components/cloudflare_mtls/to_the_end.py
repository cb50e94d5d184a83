"""Does work to its end, also when the person, script or dialog that asked for it is gone."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from homeassistant.core import async_get_hass

from .const import LOGGER

type _Work[**ArgsT, ResultT] = Callable[ArgsT, Coroutine[Any, Any, ResultT]]


def to_the_end[**ArgsT, ResultT](
    name: str,
) -> Callable[[_Work[ArgsT, ResultT]], _Work[ArgsT, ResultT]]:
    """Have work of this name go on although its caller is cancelled: a part of it may be done."""

    def decorate(work: _Work[ArgsT, ResultT]) -> _Work[ArgsT, ResultT]:
        @wraps(work)
        async def work_to_the_end(*args: ArgsT.args, **kwargs: ArgsT.kwargs) -> ResultT:
            task = async_get_hass().async_create_task(work(*args, **kwargs), name)
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                task.add_done_callback(_log_failure)
                raise
            return task.result()

        return work_to_the_end

    return decorate


def _log_failure(task: asyncio.Task[Any]) -> None:
    """Log why the work failed, now that nobody waits for it."""
    if not task.cancelled() and (err := task.exception()):
        LOGGER.warning("%s failed: %r", task.get_name(), err)
