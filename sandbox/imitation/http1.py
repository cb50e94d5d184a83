"""HTTP/1.1 towards an origin, octet by octet, so that nothing is added and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
import zlib

from ..exchange import BrokenOffError, Headers, OriginError, Reply
from .request_head import canonical

# How much of an answer of a known length Go's server collects before it sends the head.
_FLUSHED = 4096
_CHUNK = 64 * 1024
_FAILURES = (
    OSError,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    ValueError,
    zlib.error,
)


class Http1Exchange:
    """A request to an origin, on a connection of its own."""

    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        method: str,
        *,
        is_chunked: bool,
        unpacks_gzip: bool,
    ) -> None:
        """Take a connection on which the head of a request was sent."""
        self._reader, self._writer = streams
        self._method = method
        self._is_chunked = is_chunked
        self._unpacks_gzip = unpacks_gzip
        self._body = self._exactly(0)
        self._first = b""

    async def reply(self) -> Reply:
        """Wait for the head of the answer; raise OriginError if there is none."""
        try:
            status, headers = await self._head()
            while 100 <= status < 200 and status != 101:
                status, headers = await self._head()
            if status == 101:
                self._body = self._until_end()
                return Reply(status, headers, has_switched=True)
            return Reply(status, await self._begin_body(status, headers))
        except (*_FAILURES, BrokenOffError) as error:
            self.abandon()
            raise OriginError from error

    async def read(self) -> bytes:
        """Return the next part of the answer's body, nothing at its end."""
        if first := self._first:
            self._first = b""
            return first
        try:
            return await anext(self._body, b"")
        except _FAILURES as error:
            raise BrokenOffError from error

    async def send(self, data: bytes) -> None:
        """Send a part of the request's body, as soon as there is room for it."""
        if self._is_chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise BrokenOffError from error

    async def end(self) -> None:
        """Tell that nothing more is sent."""
        if self._is_chunked:
            self._writer.write(b"0\r\n\r\n")

    def abandon(self) -> None:
        """Close the connection."""
        self._writer.close()

    async def _head(self) -> tuple[int, Headers]:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
        version, _, rest = lines[0].partition(b" ")
        if not version.startswith(b"HTTP/1."):
            raise ValueError(lines[0])
        pairs = [line.partition(b":") for line in lines[1:]]
        return int(rest[:3]), [(name, value.strip()) for name, _, value in pairs]

    async def _begin_body(self, status: int, headers: Headers) -> Headers:
        """Choose how the body is read; return the headers that are left then."""
        fields = {canonical(name): value for name, value in headers}
        length = None
        if self._method == "HEAD" or status in (204, 304):
            return headers
        if fields.get("Transfer-Encoding", b"").lower() == b"chunked":
            self._body = self._chunks()
        elif "Content-Length" in fields:
            length = int(fields["Content-Length"])
            self._body = self._exactly(length)
        else:
            self._body = self._until_end()
        if (
            self._unpacks_gzip
            and fields.get("Content-Encoding", b"").lower() == b"gzip"
        ):
            self._body = _unpacked(self._body)
            return _without(headers, "Content-Encoding", "Content-Length")
        if length is not None and fields.get("Content-Type") != b"text/event-stream":
            while len(self._first) < min(length, _FLUSHED):
                self._first += await anext(self._body)
        return headers

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int((await self._reader.readline()).partition(b";")[0], 16):
            yield await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        while (await self._reader.readline()).strip():
            # Trailers go no further.
            continue

    async def _exactly(self, length: int) -> AsyncIterator[bytes]:
        while length:
            data = await self._reader.read(min(length, _CHUNK))
            if not data:
                raise asyncio.IncompleteReadError(b"", length)
            length -= len(data)
            yield data

    async def _until_end(self) -> AsyncIterator[bytes]:
        while data := await self._reader.read(_CHUNK):
            yield data


async def _unpacked(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    unpacking = zlib.decompressobj(wbits=31)
    async for data in body:
        if plain := unpacking.decompress(data):
            yield plain


def _without(headers: Headers, *names: str) -> Headers:
    return [(name, value) for name, value in headers if canonical(name) not in names]
