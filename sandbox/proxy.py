"""Forward HTTP requests and WebSockets to an origin, as cloudflared does."""

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

# Every answer of an origin carries a cache status; Home Assistant's are never cached.
NOT_CACHED = "DYNAMIC"

type Side = web.WebSocketResponse | ClientWebSocketResponse


class OriginError(Exception):
    """The origin could not be reached."""


@dataclass(frozen=True)
class Closing:
    """The code and reason with which one side closed its WebSocket."""

    code: int
    reason: bytes


def new_session() -> ClientSession:
    """Create a session that forwards requests and answers unchanged."""
    return ClientSession(
        auto_decompress=False,
        connector=TCPConnector(limit=0, ssl=False),
        cookie_jar=DummyCookieJar(),
        skip_auto_headers=_AUTOMATIC,
        # Streams and WebSockets may last for hours; cloudflared allows 30 seconds to connect.
        timeout=ClientTimeout(total=None, sock_connect=30),
    )


async def forward(
    request: web.BaseRequest,
    session: ClientSession,
    origin: str,
    added: Mapping[str, str],
) -> web.StreamResponse:
    """Forward a request to an origin and return its answer."""
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
            # The visitor must not take half an answer for a complete one.
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
        await _relay(visitor, origin)
        return visitor


async def _relay(visitor: Side, origin: Side) -> None:
    """Forward messages both ways until one side closes, then close both the same way."""
    relays = {
        asyncio.create_task(_relay_one_way(visitor, origin)),
        asyncio.create_task(_relay_one_way(origin, visitor)),
    }
    try:
        done, _ = await asyncio.wait(relays, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)
    closing = done.pop().result()
    await asyncio.gather(
        *(
            side.close(code=closing.code, message=closing.reason)
            for side in (visitor, origin)
        )
    )


async def _relay_one_way(source: Side, target: Side) -> Closing:
    while True:
        message = await source.receive()
        try:
            if (closing := await _forward_message(message, target)) is not None:
                return closing
        except ConnectionError:
            return Closing(1001, b"")


async def _forward_message(message: WSMessage, target: Side) -> Closing | None:
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
            return Closing(message.data or 1000, (message.extra or "").encode())
        case _:
            return Closing(1001, b"")
    return None


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Copy headers, except those that apply to a single connection."""
    named = {
        name.strip().lower() for name in headers.get(hdrs.CONNECTION, "").split(",")
    }
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _HOP_BY_HOP | named
    )
