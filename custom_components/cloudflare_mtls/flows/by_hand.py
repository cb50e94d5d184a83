"""The steps of a dialog that show what a person adds to a tunnel's config file, and wait for its effect."""

from abc import abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from textwrap import indent
from typing import Any, Final

from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.util.yaml import dump
import probatio

from ..engine.api.errors import EngineError, PlanChanged
from ..engine.sync.settings import HostnameSettings
from ..engine.sync.steps import CATCH_ALL
from ..engine.tunnels.file_rule import app_entry, file_rule
from ..quoting import Ours
from ..wording import Message, describe
from .expected_arrival import ExpectedArrival, async_expect_arrival, async_may_arrive
from .form import async_show_preview, made
from .hostname_draft import HostnameDraft
from .progress import Progress, show_progress

CONF_AFTERWARDS: Final = "afterwards"


class Afterwards(StrEnum):
    """What to do once a person has added the lines."""

    WAIT = "wait"
    FINISH = "finish"


class ByHandSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FlowHandler[ContextT, ResultT, HandlerT]
):
    """Show the lines for a local tunnel, once nobody without a certificate can use them."""

    _draft: HostnameDraft | None = None
    _expected: ExpectedArrival | None = None
    _arriving: Progress[bool] | None = None

    @abstractmethod
    async def async_resume(self, draft: HostnameDraft, message: Message) -> ResultT:
        """Show what is left of the changes, and what stopped them."""

    @abstractmethod
    async def async_finish(self, settings: HostnameSettings) -> ResultT:
        """Keep the settings, now that the hostname is protected."""

    async def async_step_by_hand(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show the lines; then wait until a request arrives, or finish."""
        if user_input is None:
            return await self.async_show_lines()
        draft = made(self._draft)
        if Afterwards(user_input[CONF_AFTERWARDS]) is Afterwards.FINISH:
            return await self.async_finish(draft.settings)
        self._expected = await async_expect_arrival(draft)
        self._arriving = Progress(self.hass, self._expected.wait())
        return await self.async_step_arrive()

    async def async_step_arrive(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Wait until a device or a connector shows that the hostname leads home."""
        return show_progress(
            self,
            made(self._arriving),
            "arrive",
            "arrived",
            hostname=made(self._draft).settings.hostname,
            url=Ours(made(self._expected).url),
        )

    async def async_step_arrived(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Finish, or show the lines again where nothing arrived."""
        if made(self._arriving).work.result():
            return await self.async_finish(made(self._draft).settings)
        return await self.async_show_lines(Message("nothing_arrived"))

    async def async_show_lines(self, message: Message | None = None) -> ResultT:
        """Read the rules back, and only then show the lines that lead to the server."""
        if stopped := await self.async_read_back():
            return stopped
        draft = made(self._draft)
        protected = draft.settings.protected
        # The first device of an account has no certificate yet.
        default = Afterwards.WAIT if async_may_arrive(draft) else Afterwards.FINISH
        schema = {
            probatio.Required(CONF_AFTERWARDS, default=default.value): SelectSelector(
                SelectSelectorConfig(
                    options=[item.value for item in Afterwards],
                    mode=SelectSelectorMode.LIST,
                    translation_key=CONF_AFTERWARDS,
                )
            )
        }
        return await async_show_preview(
            self,
            "by_hand",
            probatio.Schema(schema),
            message=message,
            placeholders={
                "tunnel": draft.chosen.tunnel.name,
                "hostname": protected.hostname,
                "check": f"cloudflared tunnel ingress rule https://{protected.hostname}",
                "lines": as_yaml([file_rule(protected)]),
                "catch_all": as_yaml([CATCH_ALL]),
                "entry": as_yaml({"additional_hosts": [app_entry(protected)]}),
            },
        )

    async def async_read_back(self) -> ResultT | None:
        """Return what is left to do where the rules are not in place, as Cloudflare tells now."""
        draft = made(self._draft)
        try:
            seen = await draft.planned()
        except EngineError as err:
            return await self.async_resume(draft, describe(err))
        if not seen.plan.in_sync:
            return await self.async_resume(seen, describe(PlanChanged()))
        return None


def as_yaml(what: list[Mapping[str, Any]] | dict[str, Any]) -> Ours:
    """Return something as YAML; the rules of a list stand below the key that they belong to."""
    text = dump(what).rstrip()
    return Ours(indent(text, "  ") if isinstance(what, list) else text)
