"""Passes a request on to its origin, as cloudflared does: HTTP and WebSockets."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    DummyCookieJar,
    TCPConnector,
    WSMessage,
    WSMsgType,
    WSServerHandshakeError,
    hdrs,
    web,
)
from multidict import CIMultiDict
from yarl import URL

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
_AUTOMATIC = (
    hdrs.ACCEPT,
    hdrs.ACCEPT_ENCODING,
    hdrs.CONTENT_TYPE,
    hdrs.USER_AGENT,
)

# Whatever was fetched carries a cache status, and Home Assistant's pages are not cached.
NOT_CACHED = "DYNAMIC"

type Side = web.WebSocketResponse | ClientWebSocketResponse


class OriginError(Exception):
    """The origin could not be reached."""


@dataclass(frozen=True)
class Ending:
    """How one side closed its WebSocket."""

    code: int
    reason: bytes


def new_session() -> ClientSession:
    """Make a session that changes nothing on the way."""
    return ClientSession(
        auto_decompress=False,
        connector=TCPConnector(limit=0, ssl=False),
        cookie_jar=DummyCookieJar(),
        skip_auto_headers=_AUTOMATIC,
        # Streams and WebSockets live long; 30 seconds to connect is cloudflared's.
        timeout=ClientTimeout(total=None, sock_connect=30),
    )


async def forward(
    request: web.BaseRequest,
    session: ClientSession,
    origin: str,
    added: Mapping[str, str],
) -> web.StreamResponse:
    """Pass a request to an origin, and the answer back."""
    url = URL(f"{origin}{request.raw_path}", encoded=True)
    headers = _end_to_end(request.headers)
    headers.update(added)
    try:
        if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            return await _forward_websocket(request, session, url, headers)
        return await _forward_http(request, session, url, headers)
    except WSServerHandshakeError as error:
        return web.Response(status=error.status)
    except ClientError as error:
        raise OriginError from error


async def _forward_http(
    request: web.BaseRequest,
    session: ClientSession,
    url: URL,
    headers: CIMultiDict[str],
) -> web.StreamResponse:
    body = request.content if request.can_read_body else None
    async with session.request(
        request.method, url, headers=headers, data=body, allow_redirects=False
    ) as answer:
        response = web.StreamResponse(
            status=answer.status,
            reason=answer.reason,
            headers=_end_to_end(answer.headers),
        )
        response.headers["Server"] = "cloudflare"
        response.headers["CF-RAY"] = headers["CF-Ray"]
        response.headers["CF-Cache-Status"] = NOT_CACHED
        await response.prepare(request)
        try:
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        except ClientError:
            # Half an answer must not look like a whole one.
            if request.transport is not None:
                request.transport.abort()
        return response


async def _forward_websocket(
    request: web.BaseRequest,
    session: ClientSession,
    url: URL,
    headers: CIMultiDict[str],
) -> web.StreamResponse:
    offered = headers.popall(hdrs.SEC_WEBSOCKET_PROTOCOL, [])
    protocols = [name.strip() for line in offered for name in line.split(",")]
    for name in [name for name in headers if name.lower().startswith("sec-websocket-")]:
        headers.popall(name, None)
    async with session.ws_connect(
        url,
        headers=headers,
        protocols=protocols,
        autoclose=False,
        autoping=False,
        max_msg_size=0,
    ) as origin:
        chosen = [origin.protocol] if origin.protocol else []
        visitor = web.WebSocketResponse(
            protocols=chosen,
            autoclose=False,
            autoping=False,
            compress=False,
            max_msg_size=0,
        )
        await visitor.prepare(request)
        await _join(visitor, origin)
        return visitor


async def _join(visitor: Side, origin: Side) -> None:
    """Pass messages both ways until one side closes, then close the other alike."""
    pumps = {
        asyncio.create_task(_pump(visitor, origin)),
        asyncio.create_task(_pump(origin, visitor)),
    }
    try:
        done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
    ending = done.pop().result()
    await asyncio.gather(
        *(
            side.close(code=ending.code, message=ending.reason)
            for side in (visitor, origin)
        )
    )


async def _pump(source: Side, target: Side) -> Ending:
    while True:
        message = await source.receive()
        try:
            if (ending := await _pass_on(message, target)) is not None:
                return ending
        except ConnectionError:
            return Ending(1001, b"")


async def _pass_on(message: WSMessage, target: Side) -> Ending | None:
    match message.type:
        case WSMsgType.TEXT:
            await target.send_str(message.data)
        case WSMsgType.BINARY:
            await target.send_bytes(message.data)
        case WSMsgType.PING:
            await target.ping(message.data)
        case WSMsgType.PONG:
            await target.pong(message.data)
        case WSMsgType.CLOSE:
            return Ending(message.data or 1000, (message.extra or "").encode())
        case _:
            return Ending(1001, b"")
    return None


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Copy headers without those that concern one connection only."""
    named = {
        name.strip().lower() for name in headers.get(hdrs.CONNECTION, "").split(",")
    }
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _HOP_BY_HOP | named
    )
