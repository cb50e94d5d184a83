"""Options of an account: who gets in, where its connectors tell of themselves, and the way out."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..const import CONF_METRICS_ADDRESSES, CONF_PIN_CERTIFICATES, CONF_REMOTE_HANDOVER
from ..engine.api.errors import EngineError, Unavailable
from ..metrics_server import ProcessEnded, async_metrics_server, read_address
from ..quoting import shown
from ..wording import Message, describe, describe_problem
from .form import show_form
from .remove_everything import RemoveEverythingSteps

_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_PIN_CERTIFICATES, default=False): BooleanSelector(),
        probatio.Required(CONF_REMOTE_HANDOVER, default=False): BooleanSelector(),
    }
)

_CONNECTORS_SCHEMA: Final = probatio.Schema(
    {
        probatio.Optional(CONF_METRICS_ADDRESSES, default=list): TextSelector(
            TextSelectorConfig(multiple=True)
        )
    }
)


class CloudflareOptionsFlow(RemoveEverythingSteps):
    """Choose who gets in, say where connectors can be asked, or remove everything."""

    # The options as they were when a person saw them.
    _seen_options: Mapping[str, Any] = MappingProxyType({})

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose between the options and the removal."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        return self.async_show_menu(
            step_id="init",
            menu_options=["access", "connectors", "remove"],
            description_placeholders=shown({"account": self.config_entry.title}),
        )

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
                return self._keep("access", _SCHEMA, user_input)
        return self._show("access", _SCHEMA, user_input, message)

    async def async_step_connectors(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Enter where the metrics servers of cloudflared are, and keep those that answer."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        message: Message | None = None
        if user_input is not None:
            typed = user_input.get(CONF_METRICS_ADDRESSES, [])
            addresses = [text for text in map(str.strip, typed) if text]
            found = await self._async_find_connectors(addresses)
            if not isinstance(found, Message):
                found_addresses = {CONF_METRICS_ADDRESSES: found}
                return self._keep("connectors", _CONNECTORS_SCHEMA, found_addresses)
            message = found
        return self._show("connectors", _CONNECTORS_SCHEMA, user_input, message)

    def _show(
        self,
        step_id: str,
        schema: probatio.Schema,
        user_input: Mapping[str, Any] | None = None,
        message: Message | None = None,
    ) -> ConfigFlowResult:
        self._seen_options = self.config_entry.options
        suggested = user_input or self._seen_options
        return show_form(self, step_id, schema, suggested=suggested, message=message)

    def _keep(
        self, step_id: str, schema: probatio.Schema, changed: Mapping[str, Any]
    ) -> ConfigFlowResult:
        """Keep the options that were chosen, and all others, unless they changed in another dialog."""
        options = self.config_entry.options
        if options != self._seen_options:
            return self._show(step_id, schema, message=Message("options_changed"))
        return self.async_create_entry(data={**options, **changed})

    async def _async_find_connectors(self, typed: Iterable[str]) -> list[str] | Message:
        """Return the addresses where a connector of the account answers, or what is wrong with one."""
        tunnels = self.config_entry.runtime_data.tunnels.tunnel_names()
        found: list[str] = []
        for text in typed:
            address = read_address(text)
            if address is None:
                return Message("metrics_address_malformed", {"address": text})
            server = async_metrics_server(self.hass, address)
            try:
                report = await server.read_report(await server.read_readiness())
            except ProcessEnded, Unavailable:
                return Message("metrics_no_answer", {"address": address})
            if report.tunnel_id not in tunnels:
                return Message("metrics_other_tunnel", {"address": address})
            if address not in found:
                found.append(address)
        return found

    async def _async_pin_obstacle(self) -> Message | None:
        """Return why not every certificate can be pinned, if so."""
        protection = self.config_entry.runtime_data.protection
        try:
            problem = await protection.async_pin_problem()
        except EngineError as err:
            return describe(err)
        return describe_problem(problem) if problem else None
