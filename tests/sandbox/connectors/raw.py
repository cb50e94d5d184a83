"""A visitor and an origin that see every octet."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import hashlib
import ssl

from aiohttp.http_websocket import WS_KEY

from sandbox import Sandbox

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# A path whose requests are answered only once nobody waits for it.
SILENT = "/silent"
ENDING_CHUNK = b"0\r\n\r\n"
# How a client begins that expects TLS.
TLS = b"\x16"


@dataclass(frozen=True)
class Answer:
    """An answer as it came over the line."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    @classmethod
    def parse(cls, data: bytes) -> Answer:
        """Read an answer and its body, in chunks or not."""
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        _, status, reason = first.split(" ", 2)
        headers = [
            (name, value.strip())
            for name, _, value in (line.partition(":") for line in lines)
        ]
        if ("Transfer-Encoding", "chunked") in headers:
            body = _joined(body)
        return cls(int(status), reason, headers, body)

    def header(self, name: str) -> list[str]:
        """Return the values of a header."""
        return [value for each, value in self.headers if each.lower() == name.lower()]


@dataclass
class RawOrigin:
    """A web server that keeps the requests, and answers each path with given octets."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)
    requests: list[bytes] = field(default_factory=list)
    given_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Return the service of an ingress rule for it."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take one request, answer it, and hang up; after a switch of protocols send all back."""
        try:
            request = await _read_request(reader)
        except asyncio.IncompleteReadError:
            writer.close()
            return
        self.requests.append(request)
        path = request.split(b" ", 2)[1].decode().partition("?")[0]
        answer = self.answers.get(path, OK)
        if path == SILENT:
            await reader.read(1)
            self.given_up.set()
        if answer.startswith(b"HTTP/1.1 101"):
            key = request.partition(b"Sec-Websocket-Key: ")[2].partition(b"\r\n")[0]
            accept = base64.b64encode(
                hashlib.sha1(key + WS_KEY, usedforsecurity=False).digest()
            )
            writer.write(answer.replace(b"{accept}", accept))
            while data := await reader.read(1000):
                writer.write(data)
        writer.write(answer)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def raw_origin(context: ssl.SSLContext | None = None) -> AsyncIterator[RawOrigin]:
    """Run an origin, with TLS if there is a context."""
    origin = RawOrigin()
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0, ssl=context)
    origin.port = server.sockets[0].getsockname()[1]
    yield origin
    server.close()
    server.close_clients()
    await server.wait_closed()


async def connect(
    sandbox: Sandbox, host: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the edge."""
    context = ssl.create_default_context(cafile=sandbox.edge_ca_file)
    return await asyncio.open_connection(
        sandbox.edge_host, sandbox.edge_port, ssl=context, server_hostname=host
    )


async def visit(sandbox: Sandbox, host: str, request: bytes) -> Answer:
    """Send a request and return all that comes back; raise ConnectionError if nothing does."""
    reader, writer = await connect(sandbox, host)
    writer.write(request)
    async with asyncio.timeout(10):
        data = await reader.read(-1)
    writer.close()
    if not data:
        raise ConnectionError
    return Answer.parse(data)


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(1)
    if head == TLS:
        return b"TLS / "
    head += await reader.readuntil(b"\r\n\r\n")
    if b"\r\nTransfer-Encoding: chunked\r\n" in head:
        body = b""
        while not body.endswith(ENDING_CHUNK):
            body += await reader.readuntil(b"\r\n")
        return head + _joined(body)
    length = head.partition(b"\r\nContent-Length: ")[2].partition(b"\r\n")[0]
    return head + await reader.readexactly(int(length or 0))


def _joined(chunks: bytes) -> bytes:
    body = b""
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size, 16)
        body += rest[:length]
        chunks = rest[length + 2 :] if length else b""
    return body
