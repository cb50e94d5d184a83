"""Options of an account: which certificates are accepted, and how they are handed over."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import BooleanSelector
import probatio

from ..const import CONF_PIN_CERTIFICATES, CONF_REMOTE_HANDOVER
from ..engine.api.errors import EngineError
from ..runtime_data import CloudflareConfigEntry
from ..wording import Message, describe, describe_problem
from .form import show_form

_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_PIN_CERTIFICATES, default=False): BooleanSelector(),
        probatio.Required(CONF_REMOTE_HANDOVER, default=False): BooleanSelector(),
    }
)


class CloudflareOptionsFlow(OptionsFlow):
    """Choose which certificates are accepted, and how they are handed over."""

    config_entry: CloudflareConfigEntry

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose the options, unless the certificates to pin do not fit into a rule."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        message: Message | None = None
        if user_input is not None:
            if user_input[CONF_PIN_CERTIFICATES]:
                message = await self._async_pin_obstacle()
            if message is None:
                return self.async_create_entry(data=user_input)
        return show_form(
            self,
            "init",
            _SCHEMA,
            suggested=user_input or self.config_entry.options,
            message=message,
        )

    async def _async_pin_obstacle(self) -> Message | None:
        """Return why not every certificate can be pinned, if so."""
        protection = self.config_entry.runtime_data.protection
        try:
            problem = await protection.async_pin_problem()
        except EngineError as err:
            return describe(err)
        return describe_problem(problem) if problem else None
