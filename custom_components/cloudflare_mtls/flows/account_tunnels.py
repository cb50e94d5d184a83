"""The tunnels of an account: choose one, create one, wait for its connector."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant

from ..engine.api.client import CloudflareClient
from ..engine.api.errors import Conflict, EngineError, RateLimited, Unavailable
from ..engine.api.models import ConnectorToken, Tunnel, TunnelStatus
from ..engine.api.names import in_letters
from ..engine.tunnels.new_tunnel import MAX_NAME_LENGTH, NewTunnel
from ..wording import Message, async_get_dialog_texts, describe

_PROPOSED_NAME: Final = "home-assistant"
_POLL_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 600.0
# More would not fit into a line on a phone.
_SHOWN_HOSTNAMES: Final = 3


def _connected(tunnel: Tunnel) -> str:
    if tunnel.status in (TunnelStatus.HEALTHY, TunnelStatus.DEGRADED):
        return "tunnel_connected"
    return "tunnel_not_connected"


def _managed(tunnel: Tunnel) -> str:
    return (
        "tunnel_managed_at_cloudflare"
        if tunnel.remotely_managed
        else "tunnel_managed_locally"
    )


class AccountTunnels:
    """The tunnels of an account, including those that a dialog creates."""

    def __init__(
        self,
        client: CloudflareClient,
        account_id: str,
        tunnels: Iterable[Tunnel],
        served: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        """Take the tunnels that exist, and the hostnames that lead to each, by its id."""
        self._client = client
        self._account_id = account_id
        self._by_id = {item.id: item for item in tunnels}
        self._served = served
        self._new: NewTunnel | None = None

    @property
    def by_id(self) -> Mapping[str, Tunnel]:
        """Return the tunnels by id."""
        return self._by_id

    @property
    def names(self) -> dict[str, str]:
        """Return the names of the tunnels, by id."""
        return {item.id: item.name for item in self._by_id.values()}

    async def async_labels(self, hass: HomeAssistant) -> dict[str, str]:
        """Return what is known of each tunnel, in the user's language, by its id."""
        text = await async_get_dialog_texts(hass)

        def label(tunnel: Tunnel) -> str:
            told = text(
                "tunnel_label",
                tunnel=tunnel.name,
                connected=text(_connected(tunnel)),
                managed=text(_managed(tunnel)),
            )
            served = sorted(map(in_letters, self._served.get(tunnel.id, ())))
            more = len(served) - _SHOWN_HOSTNAMES
            names = ", ".join(served[:_SHOWN_HOSTNAMES])
            if more > 0:
                names = text("tunnel_label_more", hostnames=names, more=str(more))
            return f"{told}: {names}" if names else told

        return {item.id: label(item) for item in self._by_id.values()}

    def free_name(self) -> str:
        """Return a name that no tunnel of the account has."""
        taken = set(self.names.values())
        name, number = _PROPOSED_NAME, 1
        while name in taken:
            number += 1
            name = f"{_PROPOSED_NAME}-{number}"
        return name

    async def create(self, name: str) -> Tunnel | Message:
        """Create a tunnel and return it, or return why it could not be created."""
        if not name:
            return Message("tunnel_name_empty", field=CONF_NAME)
        if len(name) > MAX_NAME_LENGTH:
            return Message(
                "tunnel_name_too_long", {"length": str(MAX_NAME_LENGTH)}, CONF_NAME
            )
        # A second attempt continues the first one, whose tunnel may exist without an answer.
        if self._new is None or self._new.name != name:
            self._new = NewTunnel(self._client, self._account_id, name)
        try:
            tunnel = await self._new.create()
        except Conflict:
            return Message("tunnel_name_taken", {"name": name}, CONF_NAME)
        except EngineError as err:
            return describe(err)
        self._by_id[tunnel.id] = tunnel
        return tunnel

    async def connector_token(self, tunnel: Tunnel) -> ConnectorToken | Message:
        """Return the token that a connector of the tunnel needs, or why it cannot be read."""
        try:
            return await self._client.tunnels.get_token(self._account_id, tunnel.id)
        except EngineError as err:
            return describe(err)

    async def wait_for_connector(self, tunnel: Tunnel) -> Message | None:
        """Wait until a connector runs the tunnel; return why none does, if so."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not await self._is_connected(tunnel):
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            return Message("no_connector_yet")
        except EngineError as err:
            return describe(err)
        return None

    async def _is_connected(self, tunnel: Tunnel) -> bool:
        try:
            connectors = await self._client.connectors.list(self._account_id, tunnel.id)
        except Unavailable:
            return False
        except RateLimited as err:
            await asyncio.sleep(err.retry_after)
            return False
        return any(item.connections for item in connectors)
