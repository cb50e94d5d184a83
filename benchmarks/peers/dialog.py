"""Answer the dialog of an integration with what is known of the local Cloudflare."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import config_validation as cv
import probatio

from .candidates import JSON, NotMeasured

# What integrations call what the local Cloudflare has, in their dialogs.
_FACTS: Final = {
    "account": "account_id",
    "account_id": "account_id",
    "api_key": "token",
    "api_token": "token",
    "domain": "zone_name",
    "token": "token",
    "tunnel": "tunnel_id",
    "tunnel_id": "tunnel_id",
    "zone": "zone_name",
    "zone_id": "zone_id",
    "zone_name": "zone_name",
}
_MOST_STEPS: Final = 10


async def answered(hass: HomeAssistant, domain: str, facts: JSON) -> ConfigEntry:
    """Go through the dialog as a person does, and return the config entry that it makes."""
    result = await hass.config_entries.flow.async_init(
        domain, context={"source": SOURCE_USER}
    )
    for _ in range(_MOST_STEPS):
        if result["type"] is FlowResultType.CREATE_ENTRY:
            return result["result"]
        try:
            answers = _answers(result, facts)
        except NotMeasured as reason:
            hint = f"write its config entry into {domain}.json"
            raise NotMeasured(f"{reason}: {hint}") from None
        result = await hass.config_entries.flow.async_configure(
            result["flow_id"], answers
        )
    raise NotMeasured("its dialog does not end")


def _answers(result: ConfigFlowResult, facts: JSON) -> JSON:
    if result["type"] is FlowResultType.ABORT:
        raise NotMeasured(f"its dialog ends with {result['reason']}")
    if result["type"] is not FlowResultType.FORM:
        raise NotMeasured(f"its dialog asks for more than a form: {result['type']}")
    if result["errors"]:
        raise NotMeasured(f"its dialog takes no answer: {result['errors']}")
    fields: Any = probatio.to_field_list(
        result["data_schema"] or probatio.Schema({}),
        custom_serializer=cv.custom_serializer,
    )
    return {
        field["name"]: _answer(field, facts)
        for field in fields
        # What is optional is left as it is, and so is what has a default.
        if field.get("required") and "default" not in field
    }


def _answer(field: Mapping[str, Any], facts: JSON) -> object:
    select = field.get("selector", {}).get("select", {})
    offered = field.get("options") or select.get("options", ())
    options = [_value(option) for option in offered]
    if field.get("type") == "multi_select" or select.get("multiple"):
        return options
    fact = facts.get(_FACTS.get(field["name"], ""))
    if fact is not None and (not options or fact in options):
        return fact
    if options:
        return options[0]
    raise NotMeasured(f'its dialog asks for "{field["name"]}", which nobody can guess')


def _value(option: Any) -> object:
    """Return the value of an option, which may come with a label."""
    if isinstance(option, Mapping):
        return option["value"]
    return option[0] if isinstance(option, (list, tuple)) else option
