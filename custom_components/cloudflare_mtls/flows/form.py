"""Show forms, and end dialogs with a message."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.components.repairs import RepairsFlow
from homeassistant.config_entries import ConfigSubentryFlow, OptionsFlow
from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from ..quoting import shown
from ..wording import Message, async_describe_error, warning

NO_FIELDS: Final = probatio.Schema({})

# As much of an id as tells two of a home apart.
_ID_END: Final = 4


def show_form[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    flow: FlowHandler[ContextT, ResultT, HandlerT],
    step_id: str,
    schema: probatio.Schema,
    *,
    suggested: Mapping[str, Any] | None = None,
    message: Message | None = None,
    placeholders: Mapping[str, str] | None = None,
) -> ResultT:
    """Show a form with suggested values, and with a message if something is wrong.

    The message stands beside its field where the form has it, and between text and fields otherwise.
    """
    errors: dict[str, str] = {}
    if message:
        field = message.field if message.field in schema.schema else "base"
        errors[field] = message.key
    return flow.async_show_form(
        step_id=step_id,
        data_schema=flow.add_suggested_values_to_schema(schema, suggested),
        errors=errors,
        description_placeholders=shown(
            {**(placeholders or {}), **(message.placeholders if message else {})}
        ),
    )


async def async_show_preview[ResultT: FlowResult[Any, Any]](
    flow: FlowHandler[Any, ResultT, Any],
    step_id: str,
    schema: probatio.Schema = NO_FIELDS,
    *,
    suggested: Mapping[str, Any] | None = None,
    message: Message | None = None,
    warnings: Iterable[str] = (),
    placeholders: Mapping[str, str],
) -> ResultT:
    """Show a long text that a person confirms; what is wrong, and what to think of, stands above it.

    Home Assistant shows what is wrong below the text alone, where nobody looks for it on a phone.
    """
    error = await _describe_error(flow, message) if message else ""
    return show_form(
        flow,
        step_id,
        schema,
        suggested=suggested,
        message=message,
        placeholders={**placeholders, "warning": warning(error, *warnings)},
    )


async def _describe_error(flow: FlowHandler[Any, Any, Any], message: Message) -> str:
    """Return what is wrong as Markdown."""
    match flow:
        case ConfigSubentryFlow():
            _, kind = flow.handler
            dialog = f"config_subentries.{kind}"
        case OptionsFlow():
            dialog = "options"
        case RepairsFlow(data={"key": key}):
            # The repair itself may be gone by now.
            dialog = f"issues.{key}.fix_flow"
        case _:
            dialog = "config"
    return await async_describe_error(flow.hass, dialog, message)


def abort[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    flow: FlowHandler[ContextT, ResultT, HandlerT], message: Message
) -> ResultT:
    """End a dialog with a message."""
    return flow.async_abort(
        reason=message.key, description_placeholders=shown(message.placeholders)
    )


def made[T](result: T | None) -> T:
    """Return what an earlier step made: Home Assistant runs no step before it was shown."""
    assert result is not None
    return result


def choice(
    labels: Mapping[str, str], translation_key: str | None = None
) -> SelectSelector:
    """Return a selector of ids by their labels; some labels may be translated instead."""
    config = SelectSelectorConfig(
        options=_options(labels), mode=SelectSelectorMode.DROPDOWN
    )
    if translation_key:
        config["translation_key"] = translation_key
    return SelectSelector(config)


def choice_or_text(labels: Mapping[str, str]) -> SelectSelector:
    """Return a selector of texts by longer labels, in which a person may also type another text.

    The front end shows the text that was chosen, not its label: it has to read well by itself.
    """
    return SelectSelector(
        SelectSelectorConfig(
            options=_options(labels),
            mode=SelectSelectorMode.DROPDOWN,
            custom_value=True,
        )
    )


def several(
    labels: Mapping[str, str], translation_key: str | None = None
) -> SelectSelector:
    """Return a selector of any number of ids; some labels may be translated instead."""
    config = SelectSelectorConfig(options=_options(labels), multiple=True)
    if translation_key:
        config["translation_key"] = translation_key
    return SelectSelector(config)


def choices(labels: Mapping[str, str]) -> SelectSelector:
    """Return a selector of any number of ids, all of whose labels are shown at once."""
    return SelectSelector(
        SelectSelectorConfig(
            options=_options(labels), mode=SelectSelectorMode.LIST, multiple=True
        )
    )


def _options(labels: Mapping[str, str]) -> list[SelectOptionDict]:
    """Return options; those that read the same end with the last characters of their ids."""
    read = shown(labels)
    alike = Counter(label.casefold() for label in read.values())
    return [
        SelectOptionDict(
            value=value,
            label=label
            if alike[label.casefold()] == 1
            else f"{label} (…{value[-_ID_END:]})",
        )
        for value, label in read.items()
    ]
