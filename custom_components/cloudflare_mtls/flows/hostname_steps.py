"""The steps of a dialog that protect a hostname: the preview of the changes, and the changes."""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any, Final, override

from homeassistant.core import callback
from homeassistant.data_entry_flow import FlowContext, FlowResult
from homeassistant.helpers.selector import BooleanSelector
import probatio

from ..account import async_get_account_state
from ..const import CONF_TAKE_OVER
from ..engine.access.barriers import Barrier
from ..engine.api.errors import EngineError, PlanChanged
from ..engine.sync.settings import HostnameSettings
from ..engine.sync.steps import Step
from ..quoting import Ours
from ..wording import (
    Message,
    Texts,
    around_changes,
    async_get_dialog_texts,
    changes_of,
    describe,
    exemptions_of,
    paragraphs,
)
from .allowed_devices import room_of
from .by_app import ByAppSteps
from .choose_hostname import ChooseHostnameSteps
from .form import NO_FIELDS, async_show_preview, made
from .hostname_draft import HostnameDraft
from .progress import Progress, show_progress

_TAKE_OVER_SCHEMA: Final = probatio.Schema(
    {probatio.Required(CONF_TAKE_OVER, default=True): BooleanSelector()}
)


class HostnameSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    ByAppSteps[ContextT, ResultT, HandlerT],
    ChooseHostnameSteps[ContextT, ResultT, HandlerT],
):
    """Preview the changes that protect a hostname, and make them."""

    _applying: Progress[EngineError | None] | None = None
    # A new hostname for which changes were begun, until Home Assistant has it.
    _begun: HostnameSettings | None = None

    def is_outdated(self) -> bool:
        """Return whether somebody changed the settings since the dialog showed them."""
        return False

    def end_if_outdated(self) -> ResultT | None:
        """Return the end of the dialog if it is outdated."""
        return None

    def device_names(self) -> Mapping[str, str]:
        """Return the names of the companion devices that there are now, by our ids."""
        return {}

    def writing(self) -> AbstractAsyncContextManager[object]:
        """Wait for the account's other writers, and keep them away."""
        account = made(self._draft).chosen.account
        return async_get_account_state(self.hass, account.account_id).writing

    def async_keep(self, settings: HostnameSettings) -> None:
        """Store the settings of a hostname that Home Assistant has already."""

    async def async_begin(self, settings: HostnameSettings) -> None:
        """Remember a new hostname before the first change is made for it."""
        self._begun = settings

    @abstractmethod
    async def async_keep_begun(self, settings: HostnameSettings) -> None:
        """Keep a new hostname, now that the dialog was closed without its end."""

    @callback
    @override
    def async_remove(self) -> None:
        super().async_remove()
        if begun := self._begun:
            self.hass.async_create_task(
                self.async_keep_begun(begun), "A hostname of a closed dialog is kept"
            )

    @override
    async def async_review(
        self, draft: HostnameDraft, message: Message | None = None
    ) -> ResultT:
        """Show what will change, after the offer to take over what was made by hand."""
        self._draft = draft
        if draft.plan.takes_over:
            return await self._show_offer(message)
        return await self._show_changes("preview", message)

    async def async_step_take_over(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Offer to take over what was made by hand for the hostname."""
        if user_input is None:
            return await self._show_offer(None)
        decided = await made(self._draft).decided(takes_over=user_input[CONF_TAKE_OVER])
        if isinstance(decided, Message):
            return await self._show_offer(decided)
        self._draft = decided
        return await self._show_changes("preview")

    async def async_step_preview(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show what will change at Cloudflare: so far, nothing has."""
        if user_input is not None:
            return await self._async_apply()
        return await self._show_changes("preview")

    async def async_step_resume(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show what is left of the changes, after some of them failed."""
        if user_input is not None:
            return await self._async_apply()
        return await self._show_changes("resume")

    async def _async_apply(self) -> ResultT:
        """Make the changes; closing the dialog stops between two of them, which is safe."""
        if ended := self.end_if_outdated():
            return ended
        self._applying = Progress(self.hass, self._async_make_changes())
        return await self.async_step_create()

    async def _async_make_changes(self) -> EngineError | None:
        """Make the changes and keep the settings; return what stopped that, if something did.

        Nothing waits between the two: what somebody else stores comes before or after both. A
        device that was added while the changes were made is shown before the settings are kept.
        """
        draft = made(self._draft)

        def shows_devices() -> bool:
            return draft.shows(self.device_names())

        try:
            async with self.writing():
                await draft.apply(
                    lambda: self.is_outdated() or not shows_devices(),
                    partial(self.async_begin, draft.settings),
                )
        except EngineError as err:
            return err
        if self.is_outdated():
            return None
        if not shows_devices():
            return PlanChanged()
        self.async_keep(draft.settings)
        return None

    async def async_step_create(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show that the changes are being made."""
        return show_progress(
            self,
            made(self._applying),
            "create",
            "done",
            hostname=made(self._draft).settings.hostname,
        )

    async def async_step_done(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Keep the hostname, or show what stopped the changes and what is left to do."""
        if ended := self.end_if_outdated():
            return ended
        draft = made(self._draft)
        error = made(self._applying).work.result()
        if error is None and draft.asks_for_rule:
            return await self.async_lead_home()
        if error is None:
            return await self.async_finish(draft.settings)
        if isinstance(error, PlanChanged):
            devices = self.device_names()
            message = Message("devices_changed")
            if draft.shows(devices):
                message = describe(error)
            renewed = await draft.renewed(devices)
            if isinstance(renewed, Message):
                return await self._show_changes("preview", renewed)
            return await self.async_review(renewed, message)
        # While Cloudflare does not answer, the list stays as it was.
        with suppress(EngineError):
            draft = await draft.planned()
        return await self.async_resume(draft, describe(error))

    @override
    async def async_resume(self, draft: HostnameDraft, message: Message) -> ResultT:
        self._draft = draft
        return await self._show_changes("resume", message)

    async def _show_offer(self, message: Message | None) -> ResultT:
        steps = made(self._draft).plan.steps
        found = [step for step in steps if step.action.takes_over]
        return await self._show_steps(
            "take_over", found, Ours(), _TAKE_OVER_SCHEMA, message
        )

    async def _show_changes(
        self, step_id: str, message: Message | None = None
    ) -> ResultT:
        draft = made(self._draft)
        return await self._show_steps(
            step_id,
            draft.plan.steps,
            await self._describe_access(draft),
            NO_FIELDS,
            message,
        )

    async def _describe_access(self, draft: HostnameDraft) -> Ours:
        """Say which devices may use the hostname, and what is open to everybody."""
        text = await async_get_dialog_texts(self.hass)
        protected, chosen = draft.settings.protected, draft.chosen
        return paragraphs(
            *_what_stays(text, draft),
            draft.access.describe(text, chosen.account.devices),
            _room(text, draft),
            exemptions_of(text, protected),
        )

    async def _show_steps(
        self,
        step_id: str,
        steps: Collection[Step],
        access: Ours,
        schema: probatio.Schema,
        message: Message | None,
    ) -> ResultT:
        draft = made(self._draft)
        hostname = draft.settings.hostname
        text = await async_get_dialog_texts(self.hass)
        shuts_out = text("shuts_out", hostname=hostname) if draft.shuts_out else ""
        return await async_show_preview(
            self,
            step_id,
            schema,
            message=message,
            warnings=[shuts_out],
            placeholders={
                **around_changes(
                    text,
                    "hostname",
                    has_steps=bool(steps),
                    hostname=hostname,
                    zone=draft.chosen.zone.name,
                ),
                "hostname": hostname,
                "changes": paragraphs(changes_of(text, hostname, steps), access),
                "permissions": draft.chosen.permissions,
            },
        )


def _room(text: Texts, draft: HostnameDraft) -> str:
    """Return how many more certificates of devices fit, where only some devices may use it."""
    protected = draft.settings.protected
    if not protected.is_limited:
        return ""
    zone, placement = draft.chosen.zone.name, draft.plan.placement
    return room_of(text, zone, placement, protected.hostname)


def _what_stays(text: Texts, draft: HostnameDraft) -> Iterator[str]:
    """Yield what a person has to know of a hostname that is there already."""
    hostname = draft.settings.hostname
    if draft.settings.protected.is_adopted and not draft.asks_for_rule:
        yield text("adopted_stays", hostname=hostname)
    if draft.barrier is Barrier.LOGIN:
        yield text("adopted_login", hostname=hostname)
    if former := draft.former_local_tunnel:
        yield text("moved_in_file", hostname=hostname, tunnel=former.name)
