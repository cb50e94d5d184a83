"""A dialog that fixes what a repair is about, once a person confirms, or ignores the repair."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..engine.api.errors import EngineError
from ..ignored_repairs import async_ignore
from ..runtime_data import CloudflareConfigEntry
from ..wording import Message, describe
from .form import abort, async_show_preview


class FixFlow(RepairsFlow):
    """Ask about one subject of an account, and fix it once a person confirms.

    A person may ignore the repair instead: Home Assistant offers that itself only where nothing can
    be fixed.
    """

    # The steps that a person chooses from, besides ignoring the repair.
    fixes: ClassVar[Sequence[str]] = ("confirm",)

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
        """Offer to fix what is wrong, or to ignore the repair."""
        return self.async_show_menu(
            step_id="init", menu_options=[*self.fixes, "ignore"]
        )

    async def async_step_ignore(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ignore the repair, unless its cause is gone meanwhile; nothing is changed."""
        if ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id) is None:
            return self.async_create_entry(data={})
        async_ignore(self.hass, self.issue_id)
        return self.async_abort(reason="issue_ignored")

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

    async def async_show_confirm(
        self, placeholders: Mapping[str, str], message: Message | None
    ) -> RepairsFlowResult:
        """Show what a person can confirm."""
        return await async_show_preview(
            self, "confirm", message=message, placeholders=placeholders
        )
