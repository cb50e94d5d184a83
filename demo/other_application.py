"""Another application behind the tunnel, in place of Home Assistant."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from .report import expect_equal
from .stand_in import TEXT as WELCOME, stand_in
from .world import World


@asynccontextmanager
async def answered_by_another(world: World) -> AsyncGenerator[None]:
    """Let a stand-in answer in place of Home Assistant."""
    service = world.home.url
    async with stand_in() as url:
        await world.cloudflare.set_origin(url, service=service)
        try:
            answer = await world.stranger.get(world.browser_hostname, "/")
            expect_equal(answer.text, WELCOME, "the answer of the stand-in")
            yield
        finally:
            await world.cloudflare.set_origin(service, service=service)
