"""An origin that replaces Home Assistant, so that a request that gets through is noticed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

from .processes import HOST, free_port

TEXT = "a request got through"


@asynccontextmanager
async def stand_in() -> AsyncGenerator[str]:
    """Run a server that answers every request, and yield its address."""

    async def welcome(_: web.BaseRequest) -> web.Response:
        return web.Response(text=TEXT)

    port = free_port()
    runner = web.ServerRunner(web.Server(welcome))
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{port}"
    finally:
        await runner.cleanup()
