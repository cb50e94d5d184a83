"""Work that takes a while, and whose progress a dialog shows."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult

from ..quoting import shown

# The front end listens only once it shows the progress: an earlier end would go unheard.
_PROGRESS_SECONDS: Final = 2


class Progress[OutcomeT]:
    """Work in the background, and a task that ends with it once the front end listens."""

    def __init__(
        self, hass: HomeAssistant, work: Coroutine[Any, Any, OutcomeT]
    ) -> None:
        """Start the work; it is cancelled when the dialog is closed."""
        self.work = hass.async_create_task(work)
        self.shown = hass.async_create_task(_wait(self.work))
        # Not in the task itself: it may be cancelled before it begins.
        self.shown.add_done_callback(self._stop)

    @callback
    def _stop(self, shown: asyncio.Task[None]) -> None:
        if shown.cancelled():
            self.work.cancel()


def show_progress[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    flow: FlowHandler[ContextT, ResultT, HandlerT],
    progress: Progress[Any],
    step_id: str,
    next_step_id: str,
    **placeholders: str,
) -> ResultT:
    """Show the progress of a step, or continue with the next step once it is done."""
    if progress.work.done():
        return flow.async_show_progress_done(next_step_id=next_step_id)
    return flow.async_show_progress(
        step_id=step_id,
        progress_action=step_id,
        description_placeholders=shown(placeholders),
        progress_task=progress.shown,
    )


async def _wait(work: asyncio.Task[Any]) -> None:
    # To stop waiting does not cancel the work.
    await asyncio.gather(asyncio.wait([work]), shown_long_enough())


async def shown_long_enough() -> None:
    """Wait as long as the front end may take to show the progress."""
    await asyncio.sleep(_PROGRESS_SECONDS)
