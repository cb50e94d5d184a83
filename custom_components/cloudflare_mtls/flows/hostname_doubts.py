"""The steps of a dialog that say why visitors may not get to a hostname."""

from abc import abstractmethod
from typing import Any

from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult

from ..engine.sync.reach import Doubt
from ..quoting import Ours, shown
from .form import made
from .hostname_draft import HostnameDraft


class HostnameDoubtSteps[
    ContextT: FlowContext,
    ResultT: FlowResult[Any, Any],
    HandlerT,
](FlowHandler[ContextT, ResultT, HandlerT]):
    """Say what DNS or TLS lacks for a hostname, before anything is written for it."""

    _draft: HostnameDraft | None = None

    @abstractmethod
    async def async_review(self, draft: HostnameDraft) -> ResultT:
        """Show what will change."""

    async def async_consider(self, draft: HostnameDraft) -> ResultT:
        """Show why visitors may not get to the hostname, or else go on."""
        self._draft = draft
        match draft.doubt:
            case Doubt.NO_CERTIFICATE:
                return await self.async_step_no_certificate()
            case Doubt.PARTIAL_ZONE:
                return await self.async_step_partial_zone()
        return await self.async_review(draft)

    async def async_step_no_certificate(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Say that the edge has no certificate for the hostname, and propose another one."""
        chosen = made(self._draft).chosen
        proposal, _ = chosen.propose()
        return self._show_doubt(
            "no_certificate", proposal=proposal or f"ha-mobile.{chosen.zone.name}"
        )

    async def async_step_partial_zone(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Say which DNS record is needed at the provider that has the zone's DNS."""
        hostname = made(self._draft).settings.hostname
        # As other providers take it.
        target = Ours(f"{hostname}.cdn.cloudflare.net")
        return self._show_doubt("partial_zone", target=target)

    def _show_doubt(self, step_id: str, **placeholders: str) -> ResultT:
        draft = made(self._draft)
        return self.async_show_menu(
            step_id=step_id,
            menu_options=["hostname", "accept"],
            description_placeholders=shown(
                {
                    "hostname": draft.settings.hostname,
                    "zone": draft.chosen.zone.name,
                    **placeholders,
                }
            ),
        )

    async def async_step_accept(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Go on with a hostname that visitors may not get to."""
        return await self.async_review(made(self._draft))
