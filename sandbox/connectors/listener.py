"""The port to which connectors connect, and all of them that are there."""

import asyncio
from contextlib import AsyncExitStack

import capnp

from ..authority import Authority
from ..exchange import BrokenOffError, Exchange, OriginError, Outgoing
from ..state import State, Tunnel
from ..tls import Contexts, ServerNames, TlsProtocol
from .forwarding import forward
from .http2 import Client
from .session import Session

HOST = "127.0.0.1"
# The name for which cloudflared asks in its handshake.
_SERVER_NAME = "h2.cftunnel.com"


class Connectors:
    """The real connectors of all tunnels."""

    def __init__(self, state: State, authority: Authority) -> None:
        """Prepare a port that is not open yet."""
        self.port = 0
        self._state = state
        self._contexts = Contexts(
            authority, ServerNames(lambda _: (_SERVER_NAME,), lambda _: False)
        )
        self._server: asyncio.Server | None = None
        self._sessions: dict[Client, Session] = {}
        self._capnp = AsyncExitStack()

    async def start(self, port: int) -> None:
        """Open the port; 0 means any free one."""
        await self._capnp.enter_async_context(capnp.kj_loop())
        self._server = await asyncio.get_running_loop().create_server(
            lambda: TlsProtocol(
                self._contexts.connection(), lambda: Client(self._serve), lambda _: True
            ),
            HOST,
            port,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and hang up on every connector."""
        if self._server is not None:
            self._server.close()
            for client in list(self._sessions):
                await client.stop()
            self._server.abort_clients()
            await self._server.wait_closed()
        await self._capnp.aclose()

    def push(self) -> None:
        """Send every connector the configuration that it does not have yet."""
        for session in self._sessions.values():
            if session.takes_requests:
                session.push_later()

    def carries(self, tunnel: Tunnel) -> bool:
        """Return whether a connector of the tunnel takes requests."""
        return bool(self._sessions_of(tunnel))

    async def open(self, tunnel: Tunnel, request: Outgoing) -> Exchange:
        """Hand a request to the least busy connection of the tunnel."""
        session = min(self._sessions_of(tunnel), key=lambda each: each.client.busy)
        try:
            # A visitor who comes right after a change meets it.
            await session.push()
            return await forward(session.client, request)
        except BrokenOffError as error:
            raise OriginError from error

    def _sessions_of(self, tunnel: Tunnel) -> list[Session]:
        return [
            session
            for session in self._sessions.values()
            if session.tunnel is tunnel and session.takes_requests
        ]

    async def _serve(self, client: Client) -> None:
        session = self._sessions[client] = Session(self._state, client)
        try:
            await session.run()
        finally:
            del self._sessions[client]
