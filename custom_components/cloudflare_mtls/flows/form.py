"""How the steps of the flows ask."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from homeassistant.core import callback
from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from ..wording import Description

# It listens only once it shows the progress, and waits for ever where that was over by then.
_PROGRESS_SECONDS: Final = 2

# The field that a complaint stands beside; "base" means the whole form.
type Complaint = tuple[str, Description]


class FormSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FlowHandler[ContextT, ResultT, HandlerT]
):
    """Steps with forms that keep what was typed, and say what is wrong with it."""

    _seen: tuple[asyncio.Task[Any], asyncio.Task[None]] | None = None

    def seen_to_end(
        self, work: asyncio.Task[Any], *, goes_on: bool = False
    ) -> asyncio.Task[None]:
        """Return a task that is over with the work, and not before the front end listens.

        When the dialog is closed, the work is cancelled, unless it goes on.
        """
        if self._seen is None or self._seen[0] is not work:
            task = self.hass.async_create_task(_seen_to_end(asyncio.shield(work)))
            self._seen = work, task

            @callback
            def end(seen: asyncio.Task[None]) -> None:
                # It may be closed before the task has begun to wait.
                if seen.cancelled() and not goes_on:
                    work.cancel()

            task.add_done_callback(end)
        return self._seen[1]

    def _show(
        self,
        step_id: str,
        schema: probatio.Schema,
        user_input: Mapping[str, Any] | None,
        complaint: Complaint | None,
        **placeholders: str,
    ) -> ResultT:
        field, (key, details) = complaint or ("", ("", {}))
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors={field: key} if complaint else {},
            description_placeholders={**placeholders, **details},
        )


def choice(
    labels: Mapping[str, str], translation_key: str | None = None
) -> SelectSelector:
    """Return a selector of ids by their labels; some may be translated instead."""
    options = [
        SelectOptionDict(value=value, label=label) for value, label in labels.items()
    ]
    config = SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN)
    if translation_key:
        config["translation_key"] = translation_key
    return SelectSelector(config)


async def _seen_to_end(work: asyncio.Future[Any]) -> None:
    await asyncio.gather(work, shown_long_enough(), return_exceptions=True)


async def shown_long_enough() -> None:
    """Wait as long as the front end may take to show the progress."""
    await asyncio.sleep(_PROGRESS_SECONDS)
