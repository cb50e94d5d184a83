"""The dialogs about removed hostnames that something of others still leads to."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, override

from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState

from ..engine.api.errors import EngineError, PlanChanged
from ..engine.sync.plan import Plan
from ..hostname_opening import async_open_hostname, async_preview_opening
from ..wording import CHANGED, Message, async_get_dialog_texts, changes_of, describe
from .fix_flow import FixFlow
from .form import abort, async_show_preview


class KeepBlockedFlow(FixFlow):
    """End the removal of a hostname that somebody else's record still leads home."""

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        return await self.async_show_confirm({"hostname": self.subject}, message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        protection = self._entry.runtime_data.protection
        await protection.removals.async_forget_hostname(self.subject)
        await protection.async_refresh()
        return self.async_create_entry(data={})


class StillServedFlow(KeepBlockedFlow):
    """Open a removed hostname to everybody that a tunnel still serves, or end its removal."""

    fixes = ("open", "confirm")

    # What a person saw last.
    _shown: Mapping[str, Plan] = MappingProxyType({})

    async def async_step_open(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask in so many words, or open the hostname."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if self.subject not in self._entry.runtime_data.protection.removals.hostnames:
            return self.async_create_entry(data={})
        try:
            if user_input is None:
                return await self._show_opening(None)
            outcome = await async_open_hostname(
                self.hass, self._entry, self.subject, self._shown
            )
            if any(isinstance(err, PlanChanged) for err in outcome.errors):
                return await self._show_opening(CHANGED)
            if not outcome.is_down:
                outcome.raise_if_stopped()
        except EngineError as err:
            return abort(self, describe(err))
        return self.async_create_entry(data={})

    async def _show_opening(self, message: Message | None) -> RepairsFlowResult:
        """Show the changes that open the hostname."""
        outcome = await async_preview_opening(self._entry, self.subject)
        self._shown = outcome.left
        text = await async_get_dialog_texts(self.hass)
        steps = [step for plan in self._shown.values() for step in plan.steps]
        return await async_show_preview(
            self,
            "open",
            message=message,
            placeholders={
                "hostname": self.subject,
                "changes": changes_of(text, self.subject, steps),
            },
        )
