"""What a connector calls on the edge: it registers, tells its own configuration, and unregisters."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
import socket
from typing import Any, Protocol
from uuid import UUID

import capnp

from ..exchange import BrokenOffError
from .http2 import Stream

_CHUNK = 64 * 1024
_schema = capnp.load(str(Path(__file__).with_name("registration.capnp")))


@dataclass(frozen=True)
class Registration:
    """What a connector says when it registers one of its connections."""

    account_id: str
    secret: bytes
    tunnel_id: str
    number: int
    connector_id: str
    features: list[str]
    version: str
    arch: str


@dataclass(frozen=True)
class Accepted:
    """What the edge answers to a connection that it accepts."""

    connection_id: str
    location: str
    is_remotely_managed: bool


class RefusedError(Exception):
    """The edge refuses a connection, and says why."""


class Calls(Protocol):
    """What the edge does for the calls of a connector."""

    def register(self, registration: Registration) -> Accepted:
        """Accept a connection; raise RefusedError otherwise."""
        ...

    def unregister(self) -> None:
        """Hand out no more requests over this connection."""
        ...

    def keep_local_configuration(self, json: bytes) -> None:
        """Keep the configuration with which the connector started."""
        ...


async def serve(control: Stream, calls: Calls) -> None:
    """Answer a connector's calls until it closes the control stream."""
    near, far = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=near)
    # pycapnp has to have a socket: what arrives on the stream goes through a pair of them.
    connection = await capnp.AsyncIoStream.create_connection(sock=far)
    server = capnp.TwoPartyServer(connection, bootstrap=_Edge(calls))
    answers = asyncio.create_task(_send_answers(reader, control))
    try:
        while data := await control.read():
            writer.write(data)
            await writer.drain()
    except BrokenOffError, ConnectionError:
        pass
    finally:
        writer.close()
        answers.cancel()
        await asyncio.gather(answers, return_exceptions=True)
        await server.on_disconnect()


async def _send_answers(reader: asyncio.StreamReader, control: Stream) -> None:
    while data := await reader.read(_CHUNK):
        await control.send(data)


class _Edge(_schema.Edge.Server):  # type: ignore[name-defined,misc]  # made at run time
    """The methods of the schema."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def registerConnection(
        self,
        account: Any,
        tunnelId: bytes,
        number: int,
        options: Any,
        _context: Any,
        **_: Any,
    ) -> None:
        client = options.client
        registration = Registration(
            account_id=account.id,
            secret=bytes(account.secret),
            tunnel_id=str(UUID(bytes=bytes(tunnelId))),
            number=number,
            connector_id=str(UUID(bytes=bytes(client.connectorId))),
            features=list(client.features),
            version=client.version,
            arch=client.arch,
        )
        answer = _context.results.init("result").result
        try:
            accepted = self._calls.register(registration)
        except RefusedError as refusal:
            answer.init("refusal").cause = str(refusal)
            return
        body = answer.init("accepted")
        body.connectionId = UUID(accepted.connection_id).bytes
        body.location = accepted.location
        body.remotelyManaged = accepted.is_remotely_managed

    async def unregisterConnection(self, **_: Any) -> None:
        self._calls.unregister()

    async def updateLocalConfiguration(self, json: bytes, **_: Any) -> None:
        self._calls.keep_local_configuration(bytes(json))
