"""A loop whose time can be moved on, for whoever would wait half a minute for an answer."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, override

from aiohttp import web

from .trouble import At

# Longer than any client waits for an answer.
_LONG = 60.0


class HastyLoop(asyncio.SelectorEventLoop):
    """Runs as fast as any, and skips time when told."""

    def __init__(self) -> None:
        """Begin with the machine's time."""
        super().__init__()
        self._ahead = 0.0

    @override
    def time(self) -> float:
        return super().time() + self._ahead

    def skip(self, seconds: float) -> None:
        """Let so many seconds have passed."""
        self._ahead += seconds


def hasty_runner() -> asyncio.Runner:
    """Return a runner with such a loop: unlike pytest's own, it does not debug either."""
    return asyncio.Runner(debug=False, loop_factory=HastyLoop)


@contextmanager
def entered[T](
    runner: asyncio.Runner, context: AbstractAsyncContextManager[T]
) -> Iterator[T]:
    """Enter an asynchronous context, for somebody who is not."""
    thing = runner.run(_enter(context))
    try:
        yield thing
    finally:
        runner.run(_leave(context))


async def _enter[T](context: AbstractAsyncContextManager[T]) -> T:
    return await context.__aenter__()


async def _leave(context: AbstractAsyncContextManager[Any]) -> None:
    await context.__aexit__(None, None, None)


@dataclass
class Hang(At):
    """Never answers, and has the client's patience end at once."""

    @override
    def spoil(self, answer: web.Response | None) -> web.Response | None:
        told = super().spoil(answer)
        loop = asyncio.get_running_loop()
        assert isinstance(loop, HastyLoop)
        loop.call_soon(loop.skip, _LONG)
        return told
