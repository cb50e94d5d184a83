"""An imitation of cloudflared, for tests without the real one; it is held against the real one."""

from ..exchange import Exchange, Outgoing
from ..state import State, Tunnel
from .request_head import decoded_path
from .rules import service_for
from .service import ask


class Imitation:
    """Connectors of every tunnel, which serve what is configured at the very moment."""

    def __init__(self, state: State) -> None:
        """Take the tunnels, and the addresses of what is behind them."""
        self._state = state

    def carries(self, tunnel: Tunnel) -> bool:
        """Return whether the tunnel has connectors."""
        return tunnel.serves

    async def open(self, tunnel: Tunnel, request: Outgoing) -> Exchange:
        """Hand a request to the tunnel's first connector."""
        service = service_for(tunnel, request.host, decoded_path(request.target))
        connector_id = tunnel.connectors[0].id if tunnel.connectors else ""
        return await ask(service, self._state.origins, request, connector_id)
