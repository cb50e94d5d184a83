"""Makes a tunnel that serves nothing yet: one, however often that has to be tried."""

from typing import Final

from ..api.client import CloudflareClient
from ..api.errors import Conflict, Unavailable
from ..api.models import Tunnel
from ..sync.steps import CATCH_ALL

# Longer ones are of no use in a list; Cloudflare names no limit.
MAX_NAME_LENGTH: Final = 100


class NewTunnel:
    """A tunnel in the making."""

    def __init__(self, client: CloudflareClient, account_id: str, name: str) -> None:
        """Take its name."""
        self.name = name
        self._client = client
        self._account_id = account_id
        self._before: frozenset[str] | None = None
        self._unclear = False
        self._tunnel: Tunnel | None = None

    async def make(self) -> Tunnel:
        """Return the tunnel, made now or at an earlier attempt.

        Raise EngineError: Conflict where the account has one of that name, QuotaExceeded,
        PermissionMissing, or Unavailable, after which another attempt makes no second one.
        """
        if self._tunnel is None:
            self._tunnel = await self._find_or_create()
        await self._answer_nothing(self._tunnel.id)
        return self._tunnel

    async def _find_or_create(self) -> Tunnel:
        if self._before is None:
            tunnels = await self._client.tunnels.list(self._account_id)
            self._before = frozenset(item.id for item in tunnels)
        elif self._unclear and (found := await self._find()):
            return found
        try:
            return await self._client.tunnels.create(self._account_id, self.name)
        except Unavailable:
            self._unclear = True
            if found := await self._find():
                return found
            raise
        except Conflict:
            # The list may have lagged behind what was made when nobody answered.
            if self._unclear and (found := await self._find()):
                return found
            raise

    async def _find(self) -> Tunnel | None:
        """Return the tunnel that was made although nobody said so."""
        tunnels = await self._client.tunnels.list(self._account_id)
        before = self._before or frozenset()
        return next(
            (
                tunnel
                for tunnel in tunnels
                if tunnel.name == self.name
                and tunnel.id not in before
                and tunnel.remotely_managed
                and tunnel.never_connected
            ),
            None,
        )

    async def _answer_nothing(self, tunnel_id: str) -> None:
        """Have every hostname answered with 404, unless there is a configuration already."""
        found = await self._client.tunnels.get_configuration(
            self._account_id, tunnel_id
        )
        if found is None or not found.ingress:
            config = {**(found.raw if found else {}), "ingress": [dict(CATCH_ALL)]}
            await self._client.tunnels.put_configuration(
                self._account_id, tunnel_id, config
            )
