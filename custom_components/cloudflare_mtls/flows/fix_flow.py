"""A dialog that fixes what a repair is about, once a person confirms."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
import probatio

from ..engine.api.errors import EngineError
from ..runtime_data import CloudflareConfigEntry
from ..wording import Message, describe
from .form import abort, show_form

_NO_FIELDS: Final = probatio.Schema({})


class FixFlow(RepairsFlow):
    """Ask about one subject of an account, and fix it once a person confirms."""

    def __init__(self, entry: CloudflareConfigEntry, subject: str) -> None:
        """Take the account, and what of it to fix."""
        self._entry = entry
        self.subject = subject

    @abstractmethod
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        """Show what will be done, and what went wrong before; raise EngineError."""

    @abstractmethod
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        """Fix what a person confirmed; raise EngineError."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin with what is wrong now."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask, or fix what was confirmed."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        try:
            if user_input is None:
                return await self.async_ask()
            return await self.async_fix(user_input)
        except EngineError as err:
            return abort(self, describe(err))

    def show_confirm(
        self, placeholders: Mapping[str, str], message: Message | None
    ) -> RepairsFlowResult:
        """Show what a person can confirm."""
        return show_form(
            self, "confirm", _NO_FIELDS, message=message, placeholders=placeholders
        )
