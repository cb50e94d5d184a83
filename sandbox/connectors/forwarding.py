"""A visitor's request on its way through a real connector."""

import base64
import json

from ..exchange import BrokenOffError, Headers, OriginError, Outgoing, Reply
from .http2 import Client, Stream
from .marks import RESPONSE_HEADERS, RESPONSE_META, WEBSOCKET


class Forwarded:
    """A request that a connector has, and the origin's answer to it."""

    def __init__(self, stream: Stream, *, is_websocket: bool) -> None:
        """Take a stream whose headers were sent."""
        self._stream = stream
        self._is_websocket = is_websocket
        self.read = stream.read
        self.send = stream.send
        self.end = stream.end
        self.abandon = stream.abandon

    async def reply(self) -> Reply:
        """Wait for the head of the answer; raise OriginError if cloudflared has none."""
        try:
            outer = dict(await self._stream.headers())
        except BrokenOffError as error:
            # GUESS: what Cloudflare shows a visitor for a reset stream.
            raise OriginError from error
        meta = json.loads(outer.get(RESPONSE_META, b"{}"))
        if meta.get("src") != "origin":
            raise OriginError
        headers = _unpacked(outer.get(RESPONSE_HEADERS, b""))
        has_switched = self._is_websocket and any(
            name.lower() == b"sec-websocket-accept" for name, _ in headers
        )
        return Reply(
            101 if has_switched else int(outer[b":status"]), headers, has_switched
        )


async def forward(client: Client, request: Outgoing) -> Forwarded:
    """Send a request to a connector."""
    headers: Headers = [
        (b":method", request.method.encode()),
        (b":scheme", b"https"),
        (b":authority", _octets(request.host)),
        (b":path", _octets(request.target)),
        *((name.lower(), value) for name, value in request.headers),
    ]
    if request.is_websocket:
        headers.append(WEBSOCKET)
    has_more = request.is_websocket or request.has_body
    stream = await client.open(headers, ends=not has_more)
    return Forwarded(stream, is_websocket=request.is_websocket)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _unpacked(packed: bytes) -> Headers:
    """Return the headers that cloudflared packs into one: pairs in base64, without padding."""
    return [
        (_decoded(name), _decoded(value))
        for name, _, value in (pair.partition(b":") for pair in packed.split(b";"))
        if name
    ]


def _decoded(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4))
