"""The steps of a dialog that open a hostname again which a tunnel served before it was protected."""

from typing import Any

from homeassistant.config_entries import ConfigEntryState, SubentryFlowResult

from ..engine.api.errors import EngineError
from ..engine.sync.reconciler import AccountSync
from ..hostname_opening import async_open_hostname, async_preview_opening
from ..runtime_data import CloudflareConfigEntry
from ..subentries import read_hostname_settings
from ..wording import (
    Message,
    async_get_dialog_texts,
    changes_of,
    describe,
    describe_left,
)
from .form import abort, async_show_preview
from .subentry_change import SubentryChangeFlow


class StopProtectingSteps(SubentryChangeFlow):
    """Say that everybody will reach the hostname, and open it once a person confirms."""

    _shown: AccountSync | None = None

    async def async_step_stop(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask in so many words, or stop protecting the hostname."""
        if ended := self.end_if_outdated():
            return ended
        entry: CloudflareConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        data = self._get_reconfigure_subentry().data
        hostname = read_hostname_settings(data).hostname
        if user_input is None or self._shown is None:
            return await self._show_stop(entry, hostname)
        try:
            outcome = await async_open_hostname(
                self.hass, entry, hostname, self._shown.left
            )
        except EngineError as err:
            return abort(self, describe(err))
        if outcome.is_down:
            return abort(self, Message("protection_stopped", {"hostname": hostname}))
        return await self._show_stop(entry, hostname, describe_left(outcome))

    async def _show_stop(
        self,
        entry: CloudflareConfigEntry,
        hostname: str,
        message: Message | None = None,
    ) -> SubentryFlowResult:
        try:
            self._shown = await async_preview_opening(entry, hostname)
        except EngineError as err:
            return abort(self, describe(err))
        text = await async_get_dialog_texts(self.hass)
        steps = [step for plan in self._shown.left.values() for step in plan.steps]
        return await async_show_preview(
            self,
            "stop",
            message=message,
            placeholders={
                "hostname": hostname,
                "changes": changes_of(text, hostname, steps),
            },
        )
