"""How the steps of the flows ask."""

from collections.abc import Mapping
from typing import Any

from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from .errors import Description

# The field that a complaint stands beside; "base" means the whole form.
type Complaint = tuple[str, Description]


class FormSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FlowHandler[ContextT, ResultT, HandlerT]
):
    """Steps with forms that keep what was typed, and say what is wrong with it."""

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
