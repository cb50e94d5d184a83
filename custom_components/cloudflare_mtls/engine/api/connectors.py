"""The connectors that run a tunnel."""

from .errors import Permission
from .models import Connector
from .resource import Resource


class Connectors(Resource):
    """The connectors of a tunnel."""

    async def list(
        self, account_id: str, tunnel_id: str, *, running: bool = False
    ) -> tuple[Connector, ...]:
        """Return the connectors that run the tunnel now.

        A running tunnel has connectors, so for one that is said to be running a null is no
        answer, and raises Unavailable.

        Source: GET /accounts/{account_id}/cfd_tunnel/{tunnel_id}/connections; the list of
        tunnels carries no connections since October 2026.
        """
        envelope = await self._transport.request(
            "GET",
            t"/accounts/{account_id}/cfd_tunnel/{tunnel_id}/connections",
            Permission.TUNNEL_EDIT,
        )
        found = envelope.objects("result", required=running)
        return tuple(Connector.parse(item) for item in found)
