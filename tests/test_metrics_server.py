"""Tests of what may answer at the address of a metrics server: it costs a moment, and is no report."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import json

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
import pytest

from custom_components.cloudflare_mtls import metrics_server
from custom_components.cloudflare_mtls.engine.api.errors import Unavailable
from custom_components.cloudflare_mtls.metrics_server import MetricsServer, ProcessEnded

READY = {"connectorId": "c", "readyConnections": 4}

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server, "_TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(metrics_server, "_MAX_BYTES", 100_000)


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """Return a session of its own."""
    async with ClientSession() as session:
        yield session


async def endless(request: web.Request) -> web.StreamResponse:
    """Send one part after the other."""
    response = web.StreamResponse()
    await response.prepare(request)
    while request.transport and not request.transport.is_closing():
        await response.write(b'{"connectorId": "' + b"x" * 10_000)
    return response


async def slow(request: web.Request) -> web.StreamResponse:
    """Answer as a connector does, but too late."""
    await asyncio.sleep(1)
    return web.json_response(READY)


async def huge(request: web.Request) -> web.StreamResponse:
    """Answer as a connector does, with much more."""
    return web.json_response({**READY, "more": "x" * 200_000})


async def redirecting(request: web.Request) -> web.StreamResponse:
    """Lead somewhere else."""
    raise web.HTTPFound(f"{request.url.origin()}/elsewhere")


async def page(request: web.Request) -> web.StreamResponse:
    """Answer as another server does."""
    return web.Response(text="<html></html>", content_type="text/html")


async def forbidden(request: web.Request) -> web.StreamResponse:
    """Ask for a login."""
    raise web.HTTPUnauthorized(text=json.dumps(READY))


@pytest.mark.parametrize("handler", [endless, slow, huge, redirecting, page, forbidden])
async def test_no_report(session: ClientSession, handler: Handler) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await handler(request)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    async with TestServer(application) as server:
        address = f"{server.host}:{server.port}"
        with pytest.raises(Unavailable):
            await MetricsServer(session, address).read_readiness()
    assert asked == ["/ready"]


async def test_nobody_listens(session: ClientSession) -> None:
    """The process has ended, which is more than no answer."""
    async with TestServer(web.Application()) as server:
        address = f"{server.host}:{server.port}"
    with pytest.raises(ProcessEnded):
        await MetricsServer(session, address).read_readiness()


async def test_name_that_nobody_knows(session: ClientSession) -> None:
    """It may be known again in a moment, so nothing has ended."""
    with pytest.raises(Unavailable):
        await MetricsServer(session, "nowhere.invalid:20241").read_readiness()
