"""An imitation of cloudflared, for tests without the real one; it is held against the real one."""

from ..access.keys import TeamKeys
from ..exchange import Exchange, OriginError, Outgoing
from ..state import State, Tunnel
from .access import Verdict, verdict
from .request_head import decoded_path
from .rules import service_for
from .service import OwnAnswer, ask


class Imitation:
    """Connectors of every tunnel, which serve what is configured at the very moment."""

    def __init__(self, state: State, keys: TeamKeys) -> None:
        """Take the tunnels, the addresses of what is behind them, and the keys of Access."""
        self._state = state
        self._keys = keys

    def carries(self, tunnel: Tunnel) -> bool:
        """Return whether the tunnel has connectors."""
        return tunnel.serves

    async def open(self, tunnel: Tunnel, request: Outgoing) -> Exchange:
        """Hand a request to the tunnel's first connector."""
        service = service_for(tunnel, request.host, decoded_path(request.target))
        match verdict(self._state, self._keys, service.origin_request, request):
            case Verdict.FORBIDDEN:
                return OwnAnswer(403)
            case Verdict.FAILED:
                raise OriginError
        connector_id = tunnel.connectors[0].id if tunnel.connectors else ""
        return await ask(service, self._state.origins, request, connector_id)
