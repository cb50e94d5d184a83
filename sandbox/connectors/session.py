"""One connection of a connector, from its registration to its end."""

import asyncio
import base64
import json

from ..exchange import BrokenOffError
from ..state import COLOS, Connection, Connector, State, Tunnel
from . import rpc
from .http2 import Client
from .marks import CONTROL_STREAM, UPDATE_CONFIGURATION

# For how long requests may go on after a connector unregistered. It does not end by itself
# while a WebSocket is open.
_LAST_REQUESTS = 1.0


class Session:
    """What the edge knows of a connection: whose it is, and whether it takes requests."""

    def __init__(self, state: State, client: Client) -> None:
        """Take a connection on which nobody has registered yet."""
        self.client = client
        self.tunnel: Tunnel | None = None
        self._state = state
        self._connector: Connector | None = None
        self._connection: Connection | None = None
        self._pushing = asyncio.Lock()
        self._pushes: set[asyncio.Task[None]] = set()

    @property
    def takes_requests(self) -> bool:
        """Return whether the connection is registered, open and still listed."""
        return (
            self.tunnel is not None
            and self.tunnel.deleted_at is None
            and not self.client.is_lost
            and self._connection in self.tunnel.connections
        )

    async def run(self) -> None:
        """Open the control stream, answer the calls on it, and end the connection after it."""
        try:
            control = await self.client.open(
                [
                    (b":method", b"POST"),
                    (b":scheme", b"https"),
                    (b":authority", b"localhost"),
                    (b":path", b"/"),
                    CONTROL_STREAM,
                ]
            )
            await rpc.serve(control, self)
            if self.tunnel is not None and self._connection is None:
                async with asyncio.timeout(_LAST_REQUESTS):
                    await self.client.until_idle(0)
        except BrokenOffError, TimeoutError:
            pass
        finally:
            for push in self._pushes:
                push.cancel()
            if self.tunnel is not None and self._connection is not None:
                self.tunnel.lose(self._connection, self._state.delays.reconnection)

    def register(self, registration: rpc.Registration) -> rpc.Accepted:
        """List the connection, if it knows the secret of its tunnel."""
        tunnel = self._state.tunnels.get(registration.tunnel_id)
        if (
            tunnel is None
            or tunnel.deleted_at is not None
            or tunnel.account_id != registration.account_id
            or base64.b64decode(tunnel.secret) != registration.secret
        ):
            raise rpc.RefusedError("Unauthorized")
        connection = Connection(COLOS[registration.number % len(COLOS)])
        connector = Connector(
            [],
            version=registration.version,
            arch=registration.arch,
            origin_ip=self.client.peer,
            features=registration.features,
            id=registration.connector_id,
        )
        self.tunnel, self._connection = tunnel, connection
        self._connector = tunnel.attach(connector, connection)
        self.push_later()
        return rpc.Accepted(
            connection.id, connection.colo_name, tunnel.config_src == "cloudflare"
        )

    def unregister(self) -> None:
        """Take the connection off the list; it may still end what it has begun."""
        if self.tunnel is not None and self._connection is not None:
            self.tunnel.detach(self._connection)
            self._connection = None

    def keep_local_configuration(self, json_text: bytes) -> None:
        """Keep the configuration with which the connector started."""
        assert self._connector is not None
        self._connector.local_configuration = json.loads(json_text)

    def push_later(self) -> None:
        """Push the configuration without anybody waiting for it."""
        push = asyncio.get_running_loop().create_task(self._push_quietly())
        self._pushes.add(push)
        push.add_done_callback(self._pushes.discard)

    async def push(self) -> None:
        """Send the connector the newest configuration, and keep which one it says it runs."""
        tunnel, connector = self.tunnel, self._connector
        assert tunnel is not None
        assert connector is not None
        async with self._pushing:
            if (
                tunnel.config_src != "cloudflare"
                or tunnel.config is None
                or connector.offered_version == tunnel.version
            ):
                return
            version = tunnel.version
            body = json.dumps({"version": version, "config": tunnel.config})
            stream = await self.client.open(
                [
                    (b":method", b"POST"),
                    (b":scheme", b"https"),
                    (b":authority", b"localhost"),
                    (b":path", b"/"),
                    UPDATE_CONFIGURATION,
                ]
            )
            await stream.send(body.encode())
            await stream.end()
            answer = json.loads(await stream.read_all() or b"{}")
            stream.abandon()
            connector.offered_version = version
            # A refusal has an error, which may be an empty object, and an older version.
            connector.applied_version = answer.get("lastAppliedVersion")

    async def _push_quietly(self) -> None:
        try:
            await self.push()
        except BrokenOffError:
            # Who loses the connection is told of that elsewhere.
            return
