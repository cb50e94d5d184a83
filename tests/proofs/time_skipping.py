"""An event loop that can skip time, so that tests of timeouts do not wait for them."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Final, override

# A request and its answer, both in this loop, take some ten turns; a run makes a few in a row. On a
# busy machine, the turns pass faster than a socket delivers.
_TURNS_FOR_OTHERS: Final = 500
_SECONDS_FOR_OTHERS: Final = 0.25


class TimeSkippingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time runs as usual until some of it is skipped."""

    def __init__(self) -> None:
        """Start with the machine's time."""
        super().__init__()
        self._skipped = 0.0

    @override
    def time(self) -> float:
        return super().time() + self._skipped

    def skip(self, seconds: float) -> None:
        """Move the time forward; timers that become due run next."""
        self._skipped += seconds

    def skip_after_others(self, seconds: float) -> None:
        """Move the time forward once everything that waits for nobody has ended."""
        self.call_later(_SECONDS_FOR_OTHERS, self._turn, _TURNS_FOR_OTHERS, seconds)

    def _turn(self, turns: int, seconds: float) -> None:
        if turns:
            self.call_soon(self._turn, turns - 1, seconds)
        else:
            self.skip(seconds)


def time_skipping_runner() -> asyncio.Runner:
    """Return a runner with such a loop and, unlike pytest's runner, without debug mode."""
    return asyncio.Runner(debug=False, loop_factory=TimeSkippingLoop)


@contextmanager
def entered[T](
    runner: asyncio.Runner, context: AbstractAsyncContextManager[T]
) -> Iterator[T]:
    """Enter an asynchronous context manager from synchronous code."""
    thing = runner.run(_enter(context))
    try:
        yield thing
    finally:
        runner.run(_exit(context))


async def _enter[T](context: AbstractAsyncContextManager[T]) -> T:
    return await context.__aenter__()


async def _exit(context: AbstractAsyncContextManager[Any]) -> None:
    await context.__aexit__(None, None, None)
