"""The steps of a dialog that protect a hostname, of a new account or of one that exists."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import Any, Final, override

from homeassistant.data_entry_flow import FlowContext, FlowResult, section
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
)
import probatio

from ..const import (
    CONF_EXEMPT_PATHS,
    CONF_HOSTNAME,
    CONF_KEEP_IN_SYNC,
    CONF_LAYOUT,
    CONF_SERVICE,
    CONF_TAKE_OVER,
    CONF_TUNNEL_ID,
    CONF_ZONE_ID,
)
from ..engine.api.errors import EngineError, PlanChanged
from ..engine.api.models import Tunnel, Zone
from ..engine.sync.settings import HostnameSettings, Layout
from ..engine.sync.steps import Step
from ..quoting import Ours
from ..wording import (
    Message,
    async_get_dialog_texts,
    changes_of,
    describe,
    exemptions_of,
    paragraphs,
)
from .account_tunnels import AccountTunnels
from .allowed_devices import access_of, devices_schema, room_of
from .by_app import ByAppSteps
from .form import choice, made, show_form
from .hostname_doubts import HostnameDoubtSteps
from .hostname_draft import (
    SECTION_ADVANCED,
    AccountChoices,
    ChosenTunnel,
    HostnameDraft,
)
from .progress import Progress, show_progress

# Stands among the ids of tunnels, which are UUIDs.
NEW_TUNNEL: Final = "new"

ADVANCED_SCHEMA: Final[dict[probatio.Marker, Any]] = {
    probatio.Required(SECTION_ADVANCED): section(
        probatio.Schema(
            {
                probatio.Required(
                    CONF_LAYOUT, default=Layout.SKIP_AND_BLOCK.value
                ): SelectSelector(
                    SelectSelectorConfig(
                        options=[layout.value for layout in Layout],
                        translation_key=CONF_LAYOUT,
                    )
                ),
                probatio.Optional(CONF_EXEMPT_PATHS, default=list): TextSelector(
                    TextSelectorConfig(multiple=True)
                ),
                probatio.Required(CONF_KEEP_IN_SYNC, default=True): BooleanSelector(),
            }
        ),
        {"collapsed": True},
    )
}
_TAKE_OVER_SCHEMA: Final = probatio.Schema(
    {probatio.Required(CONF_TAKE_OVER, default=True): BooleanSelector()}
)
_NO_FIELDS: Final = probatio.Schema({})


class HostnameSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    ByAppSteps[ContextT, ResultT, HandlerT],
    HostnameDoubtSteps[ContextT, ResultT, HandlerT],
):
    """Choose zone, tunnel and hostname, preview the changes, and make them."""

    # Each is made by a step, for the steps after it.
    _choices: AccountChoices | None = None
    _chosen: ChosenTunnel | None = None
    _typed: Mapping[str, Any] = MappingProxyType({})
    _applying: Progress[EngineError | None] | None = None

    @abstractmethod
    async def async_set_up_tunnel(
        self,
        tunnels: AccountTunnels,
        tunnel: Tunnel | None,
        then: Callable[[Tunnel], Awaitable[ResultT]],
    ) -> ResultT:
        """Create a tunnel unless one is given, have it connected, and continue with it."""

    def is_outdated(self) -> bool:
        """Return whether somebody changed the settings since the dialog showed them."""
        return False

    def end_if_outdated(self) -> ResultT | None:
        """Return the end of the dialog if it is outdated."""
        return None

    def async_keep(self, settings: HostnameSettings) -> None:
        """Store the settings of a hostname that Home Assistant has already."""

    async def async_step_zone(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Choose the zone and the tunnel."""
        choices = made(self._choices)
        if user_input is None:
            return await self._show_zone()
        zone = choices.zones[user_input[CONF_ZONE_ID]]
        tunnel = choices.tunnels.by_id.get(user_input[CONF_TUNNEL_ID])
        if tunnel and not tunnel.never_connected:
            return await self._async_use_tunnel(zone, tunnel)
        # What is wrong shows before a tunnel is created or connected.
        if message := await choices.check(zone, tunnel):
            return await self._show_zone(user_input, message)
        then = partial(self._async_use_tunnel, zone)
        return await self.async_set_up_tunnel(choices.tunnels, tunnel, then)

    async def _async_use_tunnel(self, zone: Zone, tunnel: Tunnel) -> ResultT:
        chosen = await made(self._choices).look_at(zone, tunnel)
        if isinstance(chosen, Message):
            suggested = {CONF_ZONE_ID: zone.id, CONF_TUNNEL_ID: tunnel.id}
            return await self._show_zone(suggested, chosen)
        self._chosen = chosen
        return await self.async_step_hostname()

    async def _show_zone(
        self,
        suggested: Mapping[str, Any] | None = None,
        message: Message | None = None,
    ) -> ResultT:
        choices = made(self._choices)
        zones = {item.id: item.title for item in choices.zones.values()}
        labels = await choices.tunnels.async_labels(self.hass)
        tunnels = {**labels, NEW_TUNNEL: NEW_TUNNEL}
        zone_id = probatio.Required(CONF_ZONE_ID, default=next(iter(zones)))
        tunnel_id = probatio.Required(CONF_TUNNEL_ID, default=next(iter(tunnels)))
        return show_form(
            self,
            "zone",
            probatio.Schema(
                {zone_id: choice(zones), tunnel_id: choice(tunnels, CONF_TUNNEL_ID)}
            ),
            suggested=suggested,
            message=message,
            placeholders={"permissions": Ours()},
        )

    async def async_step_hostname(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Choose the hostname and where it leads."""
        chosen = made(self._chosen)
        message: Message | None = None
        if user_input is not None:
            draft = await chosen.draft(user_input)
            self._typed = user_input
            if isinstance(draft, HostnameDraft):
                return await self.async_consider(draft)
            message = draft
        # Somebody who comes back chooses another hostname, and finds the rest as typed.
        beside_hostname = {
            key: value for key, value in self._typed.items() if key != CONF_HOSTNAME
        }
        hostname, service = chosen.propose()
        schema = {
            probatio.Required(
                CONF_HOSTNAME, default=hostname or probatio.UNDEFINED
            ): TextSelector(),
            probatio.Required(
                CONF_SERVICE, default=service or probatio.UNDEFINED
            ): TextSelector(),
            **devices_schema(chosen.account.devices, None),
            **ADVANCED_SCHEMA,
        }
        return show_form(
            self,
            "hostname",
            probatio.Schema(schema),
            suggested=user_input or beside_hostname,
            message=message,
            placeholders={"zone": chosen.zone.name},
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

        Nothing waits between the two: what somebody else stores comes before or after both.
        """
        draft = made(self._draft)
        try:
            await draft.apply(self.is_outdated)
        except EngineError as err:
            return err
        if not self.is_outdated():
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
        if error is None and draft.is_local:
            return await self.async_lead_home()
        if error is None:
            return await self.async_finish(draft.settings)
        if isinstance(error, PlanChanged):
            renewed = await draft.renewed()
            if isinstance(renewed, Message):
                return await self._show_changes("preview", renewed)
            return await self.async_review(renewed, describe(error))
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
            _NO_FIELDS,
            message,
        )

    async def _describe_access(self, draft: HostnameDraft) -> Ours:
        """Say which devices may use the hostname, and what is open to everybody."""
        text = await async_get_dialog_texts(self.hass)
        protected, chosen = draft.settings.protected, draft.chosen
        names = chosen.account.devices
        room = room_of(text, chosen.zone.name, draft.plan)
        return paragraphs(
            access_of(text, names, draft.devices_before, protected.devices),
            room if protected.is_limited else "",
            exemptions_of(text, protected.exempt_paths),
        )

    async def _show_steps(
        self,
        step_id: str,
        steps: Iterable[Step],
        access: Ours,
        schema: probatio.Schema,
        message: Message | None,
    ) -> ResultT:
        draft = made(self._draft)
        hostname = draft.settings.hostname
        text = await async_get_dialog_texts(self.hass)
        warning = text("shuts_out", hostname=hostname) if draft.shuts_out else ""
        return show_form(
            self,
            step_id,
            schema,
            message=message,
            placeholders={
                "hostname": hostname,
                "zone": draft.chosen.zone.name,
                "changes": paragraphs(
                    changes_of(text, hostname, steps),
                    warning,
                    access,
                ),
                "permissions": draft.chosen.permissions,
            },
        )
