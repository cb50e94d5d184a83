"""Requests that get no answer: the clock that stands still in tests moves on for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import time

from freezegun.api import FrozenDateTimeFactory

from sandbox.faults import Fault


@asynccontextmanager
async def patience(
    freezer: FrozenDateTimeFactory, fault: Fault, seconds: int
) -> AsyncIterator[None]:
    """Let time pass while a request waits for its answer; nothing else moves this clock."""

    async def pass_time() -> None:
        seen = fault.calls
        while True:
            await asyncio.to_thread(time.sleep, 0.02)
            if fault.calls > seen:
                # By then all other answers have arrived.
                await asyncio.to_thread(time.sleep, 0.15)
                seen = fault.calls
                freezer.tick(seconds)

    task = asyncio.create_task(pass_time())
    try:
        yield
    finally:
        task.cancel()


async def nobody_waits(freezer: FrozenDateTimeFactory) -> None:
    """Let the sandbox see that nobody waits for its answers any more."""
    freezer.tick()
    await asyncio.to_thread(time.sleep, 0.1)
