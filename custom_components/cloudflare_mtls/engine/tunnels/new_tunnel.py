"""Creates a tunnel that serves nothing yet: only one, however often that has to be tried."""

from typing import Final

from ..api.client import CloudflareClient
from ..api.errors import Conflict, Unavailable
from ..api.ingress import TunnelConfiguration
from ..api.json_fields import Fields
from ..api.models import Tunnel
from ..sync.steps import CATCH_ALL

# A longer name would not fit into a list; Cloudflare documents no limit.
MAX_NAME_LENGTH: Final = 100


class NewTunnel:
    """A tunnel that is about to be created."""

    def __init__(self, client: CloudflareClient, account_id: str, name: str) -> None:
        """Take the name that the tunnel will have."""
        self.name = name
        self._client = client
        self._account_id = account_id
        self._ids_before: frozenset[str] | None = None
        self._answer_was_lost = False
        self._tunnel: Tunnel | None = None

    async def create(self) -> Tunnel:
        """Return the tunnel, created now or by an earlier call.

        Raises EngineError: Conflict where the account has a tunnel of that name, QuotaExceeded,
        PermissionMissing, or Unavailable. After that, another call creates no second tunnel.
        """
        if self._tunnel is None:
            self._tunnel = await self._find_or_create()
        await self._serve_nothing(self._tunnel.id)
        return self._tunnel

    async def _find_or_create(self) -> Tunnel:
        if self._ids_before is None:
            tunnels = await self._client.tunnels.list(self._account_id)
            self._ids_before = frozenset(item.id for item in tunnels)
        elif self._answer_was_lost and (found := await self._find()):
            return found
        try:
            return await self._client.tunnels.create(self._account_id, self.name)
        except Unavailable:
            self._answer_was_lost = True
            if found := await self._find():
                return found
            raise
        except Conflict:
            # An earlier call may have created it, and the list may not have shown it yet.
            if self._answer_was_lost and (found := await self._find()):
                return found
            raise

    async def _find(self) -> Tunnel | None:
        """Return the tunnel that was created although the answer got lost."""
        before = self._ids_before or frozenset()
        for tunnel in await self._client.tunnels.list(self._account_id):
            if (
                tunnel.name == self.name
                and tunnel.id not in before
                and tunnel.remotely_managed
                and tunnel.never_connected
            ):
                return tunnel
        return None

    async def _serve_nothing(self, tunnel_id: str) -> None:
        """Answer every hostname with 404, unless the tunnel already has ingress rules."""
        found = await self._client.tunnels.get_configuration(
            self._account_id, tunnel_id
        )
        # Cloudflare was told to manage it: if it knows no configuration, there is none yet.
        present = found or TunnelConfiguration.from_raw(tunnel_id, Fields({}))
        if not present.ingress:
            await self._client.tunnels.put_configuration(
                self._account_id,
                {**present.raw, "ingress": [dict(CATCH_ALL)]},
                replacing=present,
            )
