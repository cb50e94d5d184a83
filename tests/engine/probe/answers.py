"""Answers of an edge, and servers that give them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
import ssl
from typing import Any

from custom_components.cloudflare_mtls.engine.probe import Enforcement

type Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOME = "home.example.com"
STRANGERS = "(not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)"
RAY = "CF-RAY: 72c77ad49d4ebb83-FRA"
CLOUDFLARE = ("Server: cloudflare", RAY)
FETCHED = "CF-Cache-Status: DYNAMIC"
# Recorded: the page of a custom rule that blocks.
BLOCKED = (
    "<title>Attention Required! | Cloudflare</title>"
    '<h1 data-translate="block_headline">Sorry, you have been blocked</h1>'
)


def answer(status: str, *headers: str, body: str = "") -> bytes:
    """Return an HTTP answer."""
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", body)).encode()


@asynccontextmanager
async def serving(
    handler: Handler | bytes, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Run a server that answers every request the same, and return its port."""
    conversations: set[asyncio.Task[Any] | None] = set()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        conversations.add(asyncio.current_task())
        with suppress(ConnectionError, ssl.SSLError, EOFError):
            if isinstance(handler, bytes):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(handler)
                await writer.drain()
            else:
                await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    server.abort_clients()
    for conversation in filter(None, conversations):
        conversation.cancel()
        await asyncio.wait({conversation})


type Visit = Callable[[Handler | bytes], Awaitable[Enforcement]]
