"""Fixtures for the tests of the sandbox."""

from collections.abc import AsyncIterator

from aiohttp import ClientSession, WSMsgType, web
import pytest

from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import Rule

from .helpers import HOME, Api, Origin


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Allow sockets, which Home Assistant's test plugin forbids."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Run a sandbox."""
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Api]:
    """Return a client of the sandbox's API."""
    async with ClientSession() as session:
        yield Api(sandbox, session, sandbox.token)


@pytest.fixture
async def origin(sandbox: Sandbox) -> AsyncIterator[Origin]:
    """Run a small web server as the origin of the seeded service."""
    application = web.Application(client_max_size=2**24)
    application.router.add_get("/api/websocket", _websocket)
    application.router.add_get("/broken", _broken)
    server = Origin()
    application.router.add_get("/flood", server.flood)
    application.router.add_route("*", "/{path:.*}", _echo)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    sandbox.state.origins[SERVICE] = server.url
    yield server
    await runner.cleanup()


@pytest.fixture
def protected(sandbox: Sandbox, origin: Origin) -> str:
    """Protect a hostname: block visitors without a verified, unrevoked certificate."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.associations = [HOME]
    # This rule alone decides: replace the seeded one.
    zone.rules[:] = [
        Rule(
            action="block",
            expression=f'http.host eq "{HOME}" and (not '
            "cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)",
        )
    ]
    return HOME


async def _echo(request: web.Request) -> web.Response:
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": {
                name: ", ".join(request.headers.getall(name))
                for name in request.headers
            },
            "size": len(body),
        },
        headers={"Set-Cookie": "a=1"},
    )


async def _broken(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100000"})
    await response.prepare(request)
    await response.write(b"h" * 50_000)
    assert request.transport is not None
    request.transport.abort()
    return response


async def _websocket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=("ha",), autoping=False)
    await socket.prepare(request)
    async for message in socket:
        match message.type:
            case WSMsgType.TEXT if message.data == "close":
                await socket.close(code=4001, message=b"as told")
            case WSMsgType.TEXT if message.data == "headers":
                await socket.send_json(dict(request.headers))
            case WSMsgType.TEXT:
                await socket.send_str(f"echo {message.data}")
            case WSMsgType.BINARY:
                await socket.send_bytes(message.data)
            case WSMsgType.PING:
                await socket.pong(message.data)
    return socket
