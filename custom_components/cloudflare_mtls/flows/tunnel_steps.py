"""The steps of a dialog that create a tunnel, and wait until a connector runs it."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import probatio

from ..cloudflared_app import (
    AppError,
    InstalledApp,
    async_find_unused_apps,
    async_run_tunnel,
)
from ..coordinator.web_server import async_find_service
from ..engine.api.models import ConnectorToken, Tunnel
from ..quoting import Ours
from ..wording import Message, async_get_dialog_texts
from .account_tunnels import AccountTunnels
from .form import choice, made, show_form
from .progress import Progress, show_progress

CONF_NEXT: Final = "next"
CONF_USE_APP: Final = "use_app"
CONF_WAIT: Final = "wait"

APP_URL: Final = "https://github.com/homeassistant-apps/app-cloudflared"

# In the environment, where other users of the machine do not read it off the process list.
# Source: developers.cloudflare.com, Tunnel run parameters.
_COMPOSE: Final = """\
services:
  cloudflared:
    image: cloudflare/cloudflared:latest
    restart: unless-stopped
    command: tunnel run
    environment:
      TUNNEL_TOKEN: {secret}"""
_COMPOSE_HOST_NETWORK: Final = "\n    network_mode: host"
_ON_THE_MACHINE: Final = "http://localhost"
_DOCKER: Final = (
    "docker run --detach --restart unless-stopped {network}--env TUNNEL_TOKEN={secret} "
    "cloudflare/cloudflared:latest tunnel run"
)
_DOCKER_HOST_NETWORK: Final = "--network host "
# As a service of the machine. Source: developers.cloudflare.com, Run as a service on Linux.
_DEBIAN: Final = "sudo cloudflared service install {secret}"


class Next(StrEnum):
    """What to do while no connector runs the tunnel."""

    SHOW = "show"
    WAIT = "wait"
    GO_ON = "go_on"


_CONNECTOR_FIELDS: Final[dict[probatio.Marker, Any]] = {
    probatio.Required(CONF_WAIT, default=True): BooleanSelector()
}
_NO_CONNECTOR_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_NEXT, default=Next.SHOW.value): SelectSelector(
            SelectSelectorConfig(
                options=[item.value for item in Next],
                mode=SelectSelectorMode.LIST,
                translation_key=CONF_NEXT,
            )
        )
    }
)


class TunnelSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FlowHandler[ContextT, ResultT, HandlerT]
):
    """Name a tunnel and create it, show how to run its connector, and wait for that."""

    # Each is made by a step, for the steps after it.
    _tunnels: AccountTunnels | None = None
    _then: Callable[[Tunnel], Awaitable[ResultT]] | None = None
    _tunnel: Tunnel | None = None
    _unused_apps: Mapping[str, InstalledApp] = MappingProxyType({})
    _connecting: Progress[Message | None] | None = None

    async def async_set_up_tunnel(
        self,
        tunnels: AccountTunnels,
        tunnel: Tunnel | None,
        then: Callable[[Tunnel], Awaitable[ResultT]],
    ) -> ResultT:
        """Create a tunnel unless one is given, have it connected, and continue with it."""
        self._tunnels, self._tunnel, self._then = tunnels, tunnel, then
        if tunnel is None:
            return await self.async_step_new_tunnel()
        return await self.async_step_no_connector()

    async def async_step_new_tunnel(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Take the name of a new tunnel, and create it."""
        tunnels = made(self._tunnels)
        message: Message | None = None
        if user_input is not None:
            created = await tunnels.create(user_input[CONF_NAME].strip())
            if isinstance(created, Tunnel):
                self._tunnel = created
                return await self.async_step_connector()
            message = created
        name = probatio.Required(CONF_NAME, default=tunnels.free_name())
        schema = probatio.Schema({name: TextSelector()})
        return show_form(
            self, "new_tunnel", schema, suggested=user_input, message=message
        )

    async def async_step_connector(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show how to run a connector: the one place that shows its token."""
        if user_input is None:
            self._unused_apps = await async_find_unused_apps(self.hass)
            return await self._async_show_connector()
        slug = user_input.get(CONF_USE_APP)
        if slug and (message := await self._async_use_app(self._unused_apps[slug])):
            # It may have the token by now.
            self._unused_apps = await async_find_unused_apps(self.hass)
            return await self._async_show_connector(message)
        if user_input[CONF_WAIT]:
            return await self._async_wait()
        return await made(self._then)(made(self._tunnel))

    async def _async_use_app(self, app: InstalledApp) -> Message | None:
        """Enter the token in an app and start it; return what kept it from that."""
        token = await made(self._tunnels).connector_token(made(self._tunnel))
        if isinstance(token, Message):
            return token
        try:
            await async_run_tunnel(self.hass, app, token)
        except AppError as err:
            return Message(f"app_start_{err.trouble}", {"app": app.name})
        return None

    async def _async_show_connector(self, message: Message | None = None) -> ResultT:
        tunnel = made(self._tunnel)
        token = await made(self._tunnels).connector_token(tunnel)
        if isinstance(token, Message):
            return self._show_no_connector(token)
        # In a network of containers, only the machine knows where it publishes Home Assistant.
        on_host_network = async_find_service(self.hass) is None
        note = ""
        if on_host_network:
            text = await async_get_dialog_texts(self.hass)
            note = text("connector_network", service=_ON_THE_MACHINE)
        return show_form(
            self,
            "connector",
            probatio.Schema({**self._app_fields(), **_CONNECTOR_FIELDS}),
            message=message,
            placeholders={
                "tunnel": tunnel.name,
                "network": Ours(note),
                **_ways_to_run(token, on_host_network=on_host_network),
            },
        )

    def _app_fields(self) -> dict[probatio.Marker, Any]:
        """Return the field for the app that gets the token: none is chosen at first."""
        if not self._unused_apps:
            return {}
        labels = {slug: app.name for slug, app in self._unused_apps.items()}
        return {probatio.Optional(CONF_USE_APP): choice(labels)}

    async def async_step_connect(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Wait until a connector runs the tunnel."""
        return show_progress(
            self,
            made(self._connecting),
            "connect",
            "connected",
            tunnel=made(self._tunnel).name,
        )

    async def async_step_connected(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Continue with the tunnel, or say why there is no connector yet."""
        if message := made(self._connecting).work.result():
            return self._show_no_connector(message)
        return await made(self._then)(made(self._tunnel))

    async def async_step_no_connector(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Offer what can be done while no connector runs the tunnel."""
        if user_input is None:
            return self._show_no_connector(None)
        match Next(user_input[CONF_NEXT]):
            case Next.SHOW:
                return await self.async_step_connector()
            case Next.WAIT:
                return await self._async_wait()
            case _:
                return await made(self._then)(made(self._tunnel))

    async def _async_wait(self) -> ResultT:
        waiting = made(self._tunnels).wait_for_connector(made(self._tunnel))
        self._connecting = Progress(self.hass, waiting)
        return await self.async_step_connect()

    def _show_no_connector(self, message: Message | None) -> ResultT:
        return show_form(
            self,
            "no_connector",
            _NO_CONNECTOR_SCHEMA,
            message=message,
            placeholders={"tunnel": made(self._tunnel).name},
        )


def _ways_to_run(token: ConnectorToken, *, on_host_network: bool) -> dict[str, str]:
    """Return the placeholders of the one form that shows a connector's token."""
    compose, network = _COMPOSE, ""
    if on_host_network:
        compose, network = _COMPOSE + _COMPOSE_HOST_NETWORK, _DOCKER_HOST_NETWORK
    secret = token.secret
    return {
        "app_url": Ours(APP_URL),
        "token": Ours(secret),
        "compose": Ours(compose.format(secret=secret)),
        "docker": Ours(_DOCKER.format(secret=secret, network=network)),
        "debian": Ours(_DEBIAN.format(secret=secret)),
    }
