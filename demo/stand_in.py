"""An origin behind the tunnel that is not Home Assistant, so that a request that gets through is noticed."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from .processes import HOST, free_port

TEXT = "a request got through"


async def _welcome(_: web.BaseRequest) -> web.Response:
    return web.Response(text=TEXT)


@asynccontextmanager
async def stand_in(
    answer: Callable[[web.BaseRequest], Awaitable[web.Response]] = _welcome,
) -> AsyncGenerator[str]:
    """Run a server that answers every request, and yield its address."""
    port = free_port()
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{port}"
    finally:
        await runner.cleanup()
