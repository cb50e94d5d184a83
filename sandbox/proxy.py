"""The edge's way of passing a visitor's request on, and the answer back to the visitor."""

import asyncio
from collections.abc import Mapping

from aiohttp import StreamReader, hdrs, web
from multidict import CIMultiDict

from .exchange import BrokenOffError, Exchange, Headers, Outgoing, Reply

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# With one of these a visitor could give cloudflared orders.
_INTERNAL = ("cf-cloudflared-", "cf-int-", "cf-proxy-")
_BUFFER = 2**16

# Every answer of an origin carries a cache status; Home Assistant's are never cached.
NOT_CACHED = "DYNAMIC"


class _Passed(web.StreamResponse):
    """An answer with the headers of its origin, and no others."""

    async def _prepare_headers(self) -> None:
        has_type = hdrs.CONTENT_TYPE in self.headers
        await super()._prepare_headers()
        if not has_type:
            self.headers.pop(hdrs.CONTENT_TYPE, None)


class _Switched(_Passed):
    """An answer after which the connection belongs to another protocol."""

    _length_check = False


class _Incoming:
    """What a visitor sends after a switch of protocols."""

    def __init__(self, request: web.BaseRequest) -> None:
        loop = asyncio.get_running_loop()
        self.stream = StreamReader(request.protocol, _BUFFER, loop=loop)

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take data."""
        self.stream.feed_data(data)
        return False, b""

    def feed_eof(self) -> None:
        """Take the end."""
        self.stream.feed_eof()


def outgoing(request: web.BaseRequest, host: str, added: Mapping[str, str]) -> Outgoing:
    """Return what a connector gets of a visitor's request."""
    named = {
        name.strip().lower()
        for name in request.headers.get(hdrs.CONNECTION, "").split(",")
    }
    is_websocket = (
        "upgrade" in named
        and request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    )
    # GUESS: the edge passes on what else cloudflared looks at: Host as the visitor wrote it,
    # X-Forwarded-Host, Cf-Warp-Tag-Id, Expect.
    left_out = {*_HOP_BY_HOP, *named, "host", *(name.lower() for name in added)}
    headers: Headers = [
        (name, value)
        for name, value in request.raw_headers
        if not _is_one_of(name, left_out)
    ]
    headers += [
        (name.encode(), value.encode("utf-8", "surrogateescape"))
        for name, value in added.items()
    ]
    return Outgoing(
        method=request.method,
        host=host,
        target=request.raw_path,
        headers=headers,
        is_websocket=is_websocket,
        has_body=request.can_read_body,
    )


async def pass_on(
    request: web.BaseRequest, exchange: Exchange, ray: str
) -> web.StreamResponse:
    """Send a request's body on its way, and give the visitor the answer."""
    body = asyncio.create_task(_send_body(request, exchange))
    try:
        reply = await exchange.reply()
        if reply.has_switched:
            return await _switch(request, exchange, reply, ray)
        response = _Passed(status=reply.status, headers=_for_visitor(reply, ray))
        await response.prepare(request)
        try:
            while data := await exchange.read():
                await response.write(data)
        except BrokenOffError:
            # The visitor must not take half an answer for a complete one.
            if request.transport is not None:
                request.transport.abort()
        return response
    finally:
        body.cancel()
        await asyncio.gather(body, return_exceptions=True)
        exchange.abandon()


async def _send_body(request: web.BaseRequest, exchange: Exchange) -> None:
    if request.can_read_body:
        async for data in request.content.iter_any():
            await exchange.send(data)
        await exchange.end()


async def _switch(
    request: web.BaseRequest, exchange: Exchange, reply: Reply, ray: str
) -> web.StreamResponse:
    """Pass everything both ways until one side ends."""
    response = _Switched(status=reply.status, headers=_for_visitor(reply, ray))
    response.headers[hdrs.CONNECTION] = "Upgrade"
    response.headers[hdrs.UPGRADE] = "websocket"
    response.force_close()
    await response.prepare(request)
    incoming = _Incoming(request)
    # aiohttp has no type for the parsers of protocols other than its own.
    request.protocol.set_parser(incoming)  # type: ignore[arg-type]
    there = asyncio.create_task(_from_visitor(incoming.stream, exchange))
    back = asyncio.create_task(_to_visitor(exchange, response))
    try:
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in (there, back):
            way.cancel()
        await asyncio.gather(there, back, return_exceptions=True)
    return response


async def _from_visitor(visitor: StreamReader, exchange: Exchange) -> None:
    while data := await visitor.readany():
        await exchange.send(data)


async def _to_visitor(exchange: Exchange, response: web.StreamResponse) -> None:
    while data := await exchange.read():
        await response.write(data)


def _for_visitor(reply: Reply, ray: str) -> CIMultiDict[str]:
    """Return the headers that the visitor gets: the origin's, and Cloudflare's own."""
    connection = b",".join(v for n, v in reply.headers if n.lower() == b"connection")
    named = {name.strip().lower() for name in connection.decode("latin-1").split(",")}
    headers = CIMultiDict(
        (name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
        for name, value in reply.headers
        if not _is_one_of(name, _HOP_BY_HOP | named)
    )
    headers["Server"] = "cloudflare"
    headers["CF-RAY"] = ray
    headers["CF-Cache-Status"] = NOT_CACHED
    return headers


def _is_one_of(raw_name: bytes, names: set[str] | frozenset[str]) -> bool:
    name = raw_name.decode("latin-1").lower()
    return name in names or name.startswith(_INTERNAL)
