"""Asks the service of an ingress rule, as cloudflared does."""

import asyncio
from collections.abc import Mapping
import ssl
from typing import Any

from yarl import URL

from ..exchange import Exchange, OriginError, Outgoing, Reply
from .http1 import Http1Exchange
from .request_head import request_head
from .rules import Service

_CONNECT_TIMEOUT = 30
_TLS_TIMEOUT = 10
_LONGEST_HEAD = 2**20
_HTTP = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
_HELLO = (
    b"<!DOCTYPE html><html><body><h1>Congrats! You created a tunnel!</h1></body></html>"
)


class OwnAnswer:
    """An answer that cloudflared gives without an origin."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        """Take the answer."""
        self._status = status
        self._body = body

    async def reply(self) -> Reply:
        """Return the head of the answer."""
        # HTTP/2 has no such statuses; what cloudflared sends in their place arrives as 200.
        status = max(self._status, 200)
        content = [(b"Content-Type", b"text/html; charset=utf-8")] if self._body else []
        return Reply(status, content)

    async def read(self) -> bytes:
        """Return the body, and nothing after it."""
        body, self._body = self._body, b""
        return body

    async def send(self, data: bytes) -> None:
        """Ignore the request's body."""

    async def end(self) -> None:
        """Do nothing; the interface requires this method."""

    def abandon(self) -> None:
        """Do nothing; the interface requires this method."""


async def ask(
    service: Service,
    origins: Mapping[str, str],
    request: Outgoing,
    connector_id: str,
) -> Exchange:
    """Begin a request to a service; raise OriginError if it cannot be reached."""
    settings = service.origin_request
    if service.name.startswith("http_status:"):
        return OwnAnswer(int(service.name.removeprefix("http_status:")))
    if service.name in ("hello_world", "hello-world"):
        return OwnAnswer(200, _HELLO)
    address = _address(service.name, origins)
    if address.scheme not in _HTTP:
        _, writer = await _connect(address, None, None)
        writer.close()
        return OwnAnswer(200)
    context, name = None, None
    if _HTTP[address.scheme] == "https":
        context = await asyncio.to_thread(_tls, settings)
        name = settings.get("originservername") or URL(service.name).host
        if settings.get("matchsnitohost"):
            name = request.host
    head, is_chunked, adds_gzip = request_head(request, settings, connector_id)
    reader, writer = await _connect(address, context, name)
    exchange = Http1Exchange(
        (reader, writer),
        request.method,
        is_chunked=is_chunked,
        unpacks_gzip=adds_gzip,
    )
    writer.write(head)
    if is_chunked and not request.has_body:
        await exchange.end()
    return exchange


def _address(name: str, origins: Mapping[str, str]) -> URL:
    """Return where a service really is: an address that this machine may ask."""
    if name.rstrip("/") in origins:
        return URL(origins[name.rstrip("/")])
    try:
        address = URL(name)
    except ValueError as error:
        # cloudflared takes a port that nothing can have.
        raise OriginError from error
    if address.host not in ("127.0.0.1", "localhost", "::1"):
        raise OriginError
    return address


async def _connect(
    address: URL, context: ssl.SSLContext | None, server_name: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    options: dict[str, Any] = {"limit": _LONGEST_HEAD}
    if context is not None:
        options |= {
            "ssl": context,
            "server_hostname": server_name,
            "ssl_handshake_timeout": _TLS_TIMEOUT,
        }
    ports = {"http": 80, "ws": 80, "https": 443, "wss": 443, "ssh": 22, "smb": 445}
    port = address.explicit_port or ports.get(address.scheme, 7864)
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT):
            return await asyncio.open_connection(address.host, port, **options)
    except (OSError, ValueError, OverflowError) as error:
        raise OriginError from error


def _tls(settings: Mapping[str, Any]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.get("capool"))
    except OSError as error:
        raise OriginError from error
    if settings.get("notlsverify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
