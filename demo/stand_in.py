"""An origin in Home Assistant's place, where whoever gets through is noticed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

from .processes import HOST, free_port

TEXT = "somebody got through"


@asynccontextmanager
async def stand_in() -> AsyncGenerator[str]:
    """Welcome everybody, and yield the address."""

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
