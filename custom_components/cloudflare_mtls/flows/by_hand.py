"""The step of a dialog that shows what a person adds to a tunnel's config file, or to an app."""

from abc import abstractmethod
from collections.abc import Mapping
from textwrap import indent
from typing import Any

from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult
from homeassistant.util.yaml import dump
import probatio

from ..engine.api.errors import EngineError, PlanChanged
from ..engine.sync.settings import HostnameSettings
from ..engine.sync.steps import CATCH_ALL
from ..engine.tunnels.file_rule import app_entry, file_rule
from ..quoting import Ours
from ..wording import Message, describe
from .form import made, show_form
from .hostname_draft import HostnameDraft


class ByHandSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FlowHandler[ContextT, ResultT, HandlerT]
):
    """Show the lines for a local tunnel, once nobody without a certificate can use them."""

    _draft: HostnameDraft | None = None

    @abstractmethod
    async def async_resume(self, draft: HostnameDraft, message: Message) -> ResultT:
        """Show what is left of the changes, and what stopped them."""

    @abstractmethod
    async def async_finish(self, settings: HostnameSettings) -> ResultT:
        """Keep the settings, now that the hostname is protected."""

    async def async_step_by_hand(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Read the rules back, and only then show the lines that lead to the server."""
        draft = made(self._draft)
        if user_input is not None:
            return await self.async_finish(draft.settings)
        try:
            seen = await draft.planned()
        except EngineError as err:
            return await self.async_resume(draft, describe(err))
        if not seen.plan.in_sync:
            return await self.async_resume(seen, describe(PlanChanged()))
        protected = draft.settings.protected
        return show_form(
            self,
            "by_hand",
            probatio.Schema({}),
            placeholders={
                "tunnel": draft.chosen.tunnel.name,
                "hostname": protected.hostname,
                "check": f"cloudflared tunnel ingress rule https://{protected.hostname}",
                "lines": _as_yaml([file_rule(protected)]),
                "catch_all": _as_yaml([CATCH_ALL]),
                "app": _as_yaml({"additional_hosts": [app_entry(protected)]}),
            },
        )


def _as_yaml(what: list[Mapping[str, Any]] | dict[str, Any]) -> Ours:
    """Return something as YAML; the rules of a list stand below the key that they belong to."""
    text = dump(what).rstrip()
    return Ours(indent(text, "  ") if isinstance(what, list) else text)
