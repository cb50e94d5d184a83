"""The steps of a flow that make a tunnel, and wait until a connector runs it."""

from abc import abstractmethod
import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import FlowContext, FlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
import probatio

from ..engine.api.client import CloudflareClient
from ..engine.api.errors import Conflict, EngineError, RateLimited, Unavailable
from ..engine.api.models import ConnectorToken, Tunnel
from ..engine.tunnels.new_tunnel import MAX_NAME_LENGTH, NewTunnel
from ..wording import Description, describe, quoted
from .form import Complaint, FormSteps

CONF_NEXT: Final = "next"
CONF_WAIT: Final = "wait"

# Stands among the ids of tunnels, which are UUIDs.
NEW_TUNNEL: Final = "new"

APP_URL: Final = "https://github.com/homeassistant-apps/app-cloudflared"

_PROPOSED_NAME: Final = "home-assistant"
_POLL_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 600.0

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
_DOCKER: Final = (
    "docker run --detach --restart unless-stopped --env TUNNEL_TOKEN={secret} "
    "cloudflare/cloudflared:latest tunnel run"
)


class Next(StrEnum):
    """What to do while no connector runs the tunnel."""

    SHOW = "show"
    WAIT = "wait"
    GO_ON = "go_on"


class TunnelSteps[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FormSteps[ContextT, ResultT, HandlerT]
):
    """Name a tunnel and make it, show how to run its connector, and wait for that."""

    _client: CloudflareClient
    _account_id: str
    _tunnels: Mapping[str, Tunnel]
    _tunnel: Tunnel

    _new: NewTunnel | None = None
    _connecting: asyncio.Task[Description | None]

    @abstractmethod
    async def async_use_tunnel(self) -> ResultT:
        """Go on with the tunnel."""

    async def async_step_new_tunnel(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Take the name of a new tunnel, and make it."""
        complaint: Complaint | None = None
        if user_input is not None:
            complaint = await self._make(user_input[CONF_NAME].strip())
            if complaint is None:
                return await self.async_step_connector()
        schema = {
            probatio.Required(CONF_NAME, default=self._free_name()): TextSelector()
        }
        return self._show("new_tunnel", probatio.Schema(schema), user_input, complaint)

    async def async_step_connector(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Show how to run a connector: the one place that shows its token."""
        if user_input is not None:
            if user_input[CONF_WAIT]:
                return await self._async_wait()
            return await self.async_use_tunnel()
        try:
            token = await self._client.tunnels.get_token(
                self._account_id, self._tunnel.id
            )
        except EngineError as err:
            return self._show_no_connector(describe(err))
        schema = {probatio.Required(CONF_WAIT, default=True): BooleanSelector()}
        return self._show(
            "connector",
            probatio.Schema(schema),
            None,
            None,
            tunnel=quoted(self._tunnel.name),
            **_ways_to_run(token),
        )

    async def async_step_connect(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Wait until a connector runs the tunnel."""
        if self._connecting.done():
            return self.async_show_progress_done(next_step_id="connected")
        return self.async_show_progress(
            step_id="connect",
            progress_action="connect",
            description_placeholders={"tunnel": quoted(self._tunnel.name)},
            progress_task=self.seen_to_end(self._connecting),
        )

    async def async_step_connected(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Go on, or say why there is no connector yet."""
        if error := self._connecting.result():
            return self._show_no_connector(error)
        return await self.async_use_tunnel()

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
                return await self.async_use_tunnel()

    def _show_no_connector(self, error: Description | None) -> ResultT:
        select = SelectSelector(
            SelectSelectorConfig(
                options=[item.value for item in Next],
                mode=SelectSelectorMode.LIST,
                translation_key=CONF_NEXT,
            )
        )
        return self._show(
            "no_connector",
            probatio.Schema(
                {probatio.Required(CONF_NEXT, default=Next.SHOW.value): select}
            ),
            None,
            ("base", error) if error else None,
            tunnel=quoted(self._tunnel.name),
        )

    def _free_name(self) -> str:
        """Return a name that no tunnel of the account has."""
        taken = {item.name for item in self._tunnels.values()}
        name, number = _PROPOSED_NAME, 1
        while name in taken:
            number += 1
            name = f"{_PROPOSED_NAME}-{number}"
        return name

    async def _make(self, name: str) -> Complaint | None:
        """Make the tunnel, or return what is in the way of it."""
        if not name:
            return CONF_NAME, ("tunnel_name_empty", {})
        if len(name) > MAX_NAME_LENGTH:
            return CONF_NAME, ("tunnel_name_too_long", {"length": str(MAX_NAME_LENGTH)})
        # The same one as before, which knows what its earlier attempts may have left.
        if self._new is None or self._new.name != name:
            self._new = NewTunnel(self._client, self._account_id, name)
        try:
            self._tunnel = await self._new.create()
        except Conflict:
            return CONF_NAME, ("tunnel_name_taken", {"name": name})
        except EngineError as err:
            return "base", describe(err)
        self._tunnels = {**self._tunnels, self._tunnel.id: self._tunnel}
        return None

    async def _async_wait(self) -> ResultT:
        self._connecting = self.hass.async_create_task(self._connect())
        return await self.async_step_connect()

    async def _connect(self) -> Description | None:
        """Wait for a connector; return why there is none."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not await self._is_connected():
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            return "no_connector_yet", {}
        except EngineError as err:
            return describe(err)
        return None

    async def _is_connected(self) -> bool:
        try:
            connectors = await self._client.connectors.list(
                self._account_id, self._tunnel.id
            )
        except Unavailable:
            return False
        except RateLimited as err:
            await asyncio.sleep(err.retry_after)
            return False
        return any(item.connections for item in connectors)


def _ways_to_run(token: ConnectorToken) -> dict[str, str]:
    """Return what the dialog shows, and nothing else ever does."""
    return {
        "app_url": APP_URL,
        "token": token.secret,
        "compose": _COMPOSE.format(secret=token.secret),
        "docker": _DOCKER.format(secret=token.secret),
    }
