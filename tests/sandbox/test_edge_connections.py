"""Tests of connections to the edge: TLS, and how they end."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
import ssl

from aiohttp import WSMsgType
import pytest

from sandbox import Sandbox

from .helpers import HOME, Api, Origin, create_certificate, protect, visitor


@pytest.mark.usefixtures("origin")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_sessions_are_never_resumed(
    sandbox: Sandbox, api: Api, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """The edge resumes no TLS session, so every connection sends its certificate."""
    protect(sandbox)
    _, identity = await create_certificate(api)
    context = ssl.create_default_context(cafile=sandbox.edge_ca_file)
    context.maximum_version = version
    identity.load_into(context, tmp_path)
    session: ssl.SSLSession | None = None
    for _ in range(2):
        reader, writer = await asyncio.open_connection(
            sandbox.edge_host, sandbox.edge_port
        )
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(
            incoming, outgoing, server_hostname=HOME, session=session
        )
        done = False
        while not done:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65536))
        request = f"GET / HTTP/1.1\r\nHost: {HOME}\r\nUser-Agent: raw\r\n\r\n"
        tls.write(request.encode())
        writer.write(outgoing.read())
        answer = b""
        while not answer:
            incoming.write(await reader.read(65536))
            try:
                answer = tls.read(65536)
            except ssl.SSLWantReadError:
                continue
        assert answer.startswith(b"HTTP/1.1 200")
        assert not tls.session_reused
        session = tls.session
        writer.close()
        await writer.wait_closed()


async def test_what_is_not_tls_is_dropped(sandbox: Sandbox) -> None:
    """The edge closes a connection that sends plain HTTP."""
    reader, writer = await asyncio.open_connection(sandbox.edge_host, sandbox.edge_port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(5):
        while await reader.read(1024):
            pass
    writer.close()


async def test_stopping_leaves_no_task(origin: Origin, tmp_path: Path) -> None:
    """Idle, unfinished and busy connections all close at once with the sandbox."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(3), AsyncExitStack() as stack:
        async with Sandbox(origin=origin.url) as sandbox:
            _, silent = await asyncio.open_connection(
                sandbox.edge_host, sandbox.edge_port
            )
            guest = await stack.enter_async_context(visitor(sandbox, tmp_path))
            await guest.get(HOME)
            socket = await guest.session.ws_connect(guest.url(HOME, "/api/websocket"))
        assert (await socket.receive()).type is WSMsgType.CLOSED
        silent.close()
    await asyncio.sleep(0.05)
    assert {task.get_name() for task in asyncio.all_tasks() - before} == set()
    assert not Path(sandbox.edge_ca_file).exists()
