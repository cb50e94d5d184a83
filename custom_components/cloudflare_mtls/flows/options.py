"""Options of an account: which certificates pass, and how they are handed over."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import BooleanSelector
import probatio

from ..const import CONF_PIN_CERTIFICATES, CONF_REMOTE_HANDOVER
from ..engine.api.errors import EngineError
from ..runtime_data import CloudflareConfigEntry
from ..wording import Description, describe, describe_problem

_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_PIN_CERTIFICATES, default=False): BooleanSelector(),
        probatio.Required(CONF_REMOTE_HANDOVER, default=False): BooleanSelector(),
    }
)


class CloudflareOptionsFlow(OptionsFlow):
    """Choose which certificates pass."""

    config_entry: CloudflareConfigEntry

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose whether only certificates of companion devices pass."""
        error: Description | None = None
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if user_input is not None:
            pins = user_input[CONF_PIN_CERTIFICATES]
            error = await self._refusal() if pins else None
            if error is None:
                return self.async_create_entry(data=user_input)
        key, placeholders = error or ("", {})
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                _SCHEMA, user_input or self.config_entry.options
            ),
            errors={"base": key} if key else {},
            description_placeholders=placeholders,
        )

    async def _refusal(self) -> Description | None:
        """Return why not every certificate can be pinned, if so."""
        try:
            problem = (
                await self.config_entry.runtime_data.protection.async_pin_problem()
            )
        except EngineError as err:
            return describe(err)
        return describe_problem(problem) if problem else None
