"""The steps of a dialog that choose a hostname to protect: a new one, or one that is there already."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from homeassistant.data_entry_flow import FlowContext, FlowResult
from homeassistant.helpers.selector import TextSelector
import probatio

from ..const import (
    CONF_EXEMPT_PATHS,
    CONF_HOSTNAME,
    CONF_PURPOSE,
    CONF_SERVICE,
    CONF_TUNNEL_ID,
    CONF_ZONE_ID,
)
from ..engine.access.barriers import Barrier, barrier_of
from ..engine.api.models import Tunnel, Zone
from ..engine.sync.settings import (
    Found,
    HostnameSettings,
    Purpose,
    is_web_service,
    read_hostname,
)
from ..quoting import Ours
from ..wording import Message, async_get_dialog_texts
from .account_choices import AccountChoices
from .account_tunnels import AccountTunnels
from .allowed_devices import devices_schema
from .chosen_tunnel import ChosenTunnel, chosen_for, look_at
from .existing_hostnames import read_applications
from .form import choice, made, show_form
from .hostname_doubts import HostnameDoubtSteps
from .hostname_draft import HostnameDraft, offer
from .hostname_form import (
    advanced_schema,
    paths_schema,
    purpose_schema,
    read_choices,
    read_paths,
    read_settings,
    wrong_place,
)

# Stands among the ids of tunnels, which are UUIDs.
NEW_TUNNEL: Final = "new"


class ChooseHostnameSteps[
    ContextT: FlowContext,
    ResultT: FlowResult[Any, Any],
    HandlerT,
](HostnameDoubtSteps[ContextT, ResultT, HandlerT]):
    """Choose zone, tunnel and hostname, or a hostname that a tunnel serves already."""

    # Each is made by a step, for the steps after it.
    _choices: AccountChoices | None = None
    _chosen: ChosenTunnel | None = None
    _typed: Mapping[str, Any] = MappingProxyType({})
    _settings: HostnameSettings | None = None
    _existing = ""
    _barrier: Barrier | None = None

    @abstractmethod
    async def async_set_up_tunnel(
        self,
        tunnels: AccountTunnels,
        tunnel: Tunnel | None,
        then: Callable[[Tunnel], Awaitable[ResultT]],
    ) -> ResultT:
        """Create a tunnel unless one is given, have it connected, and continue with it."""

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
        chosen = await look_at(made(self._choices), zone, tunnel)
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
        )

    async def async_step_hostname(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Choose the hostname and where it leads."""
        chosen = made(self._chosen)
        message: Message | None = None
        if user_input is None:
            # Somebody who comes back chooses another hostname, and finds the rest as typed.
            self._typed = {
                key: value
                for key, value in self._typed.items()
                if key != CONF_HOSTNAME or len(self._typed) == 1
            }
        else:
            self._typed = user_input
            going_on = await self._async_read_hostname(chosen, user_input)
            if not isinstance(going_on, Message):
                return going_on
            message = going_on
        hostname, service = chosen.propose()
        text = await async_get_dialog_texts(self.hass)
        schema = {
            probatio.Required(
                CONF_HOSTNAME, default=hostname or probatio.UNDEFINED
            ): TextSelector(),
            probatio.Required(
                CONF_SERVICE, default=service or probatio.UNDEFINED
            ): TextSelector(),
            **devices_schema(chosen.account.devices, None),
            **advanced_schema(text, Purpose.HOME_ASSISTANT),
        }
        return show_form(
            self,
            "hostname",
            probatio.Schema(schema),
            suggested=self._typed,
            message=message,
            placeholders={"zone": chosen.zone.name},
        )

    async def _async_read_hostname(
        self, chosen: ChosenTunnel, user_input: Mapping[str, Any]
    ) -> ResultT | Message:
        """Go on with what a person typed, or return what is wrong with it."""
        hostname = read_hostname(user_input[CONF_HOSTNAME])
        if hostname is None:
            return Message("hostname_malformed", field=CONF_HOSTNAME)
        found = await chosen_for(chosen, hostname)
        if isinstance(found, Message):
            return found
        if message := wrong_place(found, hostname):
            return message
        if self._serves_otherwise(found, hostname, user_input[CONF_SERVICE].strip()):
            return await self.async_adopt(found, hostname)
        settings = read_settings(found, hostname, user_input)
        if isinstance(settings, Message):
            return settings
        if not settings.protected.is_home:
            self._chosen, self._settings = found, settings
            return await self.async_step_purpose()
        draft = await offer(found, settings)
        return draft if isinstance(draft, Message) else await self.async_consider(draft)

    def _serves_otherwise(
        self, chosen: ChosenTunnel, hostname: str, service: str
    ) -> bool:
        """Return whether a web server is there already, other than a person typed."""
        served = chosen.service_of(hostname)
        return (
            served is not None
            and served != service
            and is_web_service(served)
            and chosen.serves(hostname)
        )

    async def async_step_purpose(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Ask what a new hostname is for that seems to lead to another service."""
        settings = made(self._settings)
        message: Message | None = None
        if user_input is not None:
            paths = read_paths(user_input)
            if isinstance(paths, Message):
                message = paths
            else:
                protected = replace(
                    settings.protected,
                    purpose=Purpose(user_input[CONF_PURPOSE]),
                    exempt_paths=paths,
                )
                draft = await offer(
                    made(self._chosen), replace(settings, protected=protected)
                )
                if isinstance(draft, HostnameDraft):
                    return await self.async_consider(draft)
                message = draft
        text = await async_get_dialog_texts(self.hass)
        schema = {
            **purpose_schema(Purpose.OTHER),
            **paths_schema(text, Purpose.OTHER),
        }
        paths_so_far = list(settings.protected.exempt_paths)
        return show_form(
            self,
            "purpose",
            probatio.Schema(schema),
            suggested=user_input or {CONF_EXEMPT_PATHS: paths_so_far},
            message=message,
            placeholders={
                "hostname": settings.hostname,
                "service": settings.protected.service,
            },
        )

    async def async_adopt(self, chosen: ChosenTunnel, hostname: str) -> ResultT:
        """Go on with a hostname that the chosen tunnel serves already."""
        applications = await read_applications(chosen.account)
        self._barrier = barrier_of(chosen.observation, hostname, applications)
        self._chosen, self._existing = chosen, hostname
        return await self.async_step_adopt()

    async def async_step_adopt(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Choose how a hostname is protected that is there already, and stays as it is."""
        chosen, hostname = made(self._chosen), self._existing
        service = chosen.service_of(hostname)
        message: Message | None = None
        if user_input is not None:
            settings = read_choices(
                chosen, hostname, service or "", user_input, Found.ADOPTED
            )
            draft = (
                settings
                if isinstance(settings, Message)
                else await offer(chosen, settings, barrier=self._barrier)
            )
            if isinstance(draft, HostnameDraft):
                return await self.async_review(draft)
            message = draft
        text = await async_get_dialog_texts(self.hass)
        purpose = chosen.guess_purpose(hostname, service or "")
        schema = {
            **purpose_schema(purpose),
            **devices_schema(chosen.account.devices, None),
            **advanced_schema(text, purpose),
        }
        return show_form(
            self,
            "adopt",
            probatio.Schema(schema),
            suggested=user_input or self._typed,
            message=message,
            placeholders={
                "hostname": hostname,
                "tunnel": chosen.tunnel.name,
                "service": service or text("service_in_file"),
                "barrier": Ours(text(f"barrier_{made(self._barrier)}")),
            },
        )
