"""Options of an account: which certificates are accepted, how they are handed over, and the way out."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector
import probatio

from ..const import CONF_PIN_CERTIFICATES, CONF_REMOTE_HANDOVER
from ..engine.api.errors import EngineError
from ..wording import Message, describe, describe_problem
from .form import show_form
from .remove_everything import RemoveEverythingSteps

_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_PIN_CERTIFICATES, default=False): BooleanSelector(),
        probatio.Required(CONF_REMOTE_HANDOVER, default=False): BooleanSelector(),
    }
)


class CloudflareOptionsFlow(RemoveEverythingSteps):
    """Choose which certificates are accepted, and how they are handed over, or remove everything."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose between the options and the removal."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        return self.async_show_menu(step_id="init", menu_options=["access", "remove"])

    async def async_step_access(
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
            "access",
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
