"""Dialogs of repairs about login hostnames that are not, or no longer, kept here."""

from abc import abstractmethod
from typing import Any, ClassVar, override

from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState

from ..coordinator.access import AccessCoordinator
from ..storage.logins import Stage
from ..wording import Message
from .fix_flow import FixFlow
from .form import NO_FIELDS, show_form


class _LoginFlow(FixFlow):
    """Ask about a login hostname, as long as it is as the repair says."""

    stage: ClassVar[Stage]

    @property
    def access(self) -> AccessCoordinator:
        """Return the coordinator that keeps the login hostnames."""
        access: AccessCoordinator = self._entry.runtime_data.access
        return access

    @override
    async def async_ask(self, message: Message | None = None) -> RepairsFlowResult:
        return await self.async_show_confirm({"hostname": self.subject}, message)

    @override
    async def async_fix(self, user_input: dict[str, Any]) -> RepairsFlowResult:
        # It may have been added again meanwhile.
        if self.access.stage_of(self.subject) is self.stage:
            await self.async_finish()
        return self.async_create_entry(data={})

    @abstractmethod
    async def async_finish(self) -> None:
        """Do what a person confirmed."""


class LoginLeftFlow(_LoginFlow):
    """Remove the login that a removed subentry left at Cloudflare, or keep it there."""

    stage = Stage.LEFT
    fixes = ("keep", "confirm")

    async def async_step_keep(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Leave everything at Cloudflare as it is, and say no more of it."""
        if self._entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if user_input is None:
            return show_form(
                self, "keep", NO_FIELDS, placeholders={"hostname": self.subject}
            )
        await self.access.async_forget(self.subject, self.stage)
        return self.async_create_entry(data={})

    @override
    async def async_finish(self) -> None:
        # Where Cloudflare does not do it at once, another repair says that it is tried again.
        await self.access.async_end(self.subject)


class LoginUndoneFlow(_LoginFlow):
    """Say no more of a trial that nobody passed."""

    stage = Stage.UNDONE

    @override
    async def async_finish(self) -> None:
        await self.access.async_forget(self.subject, self.stage)
