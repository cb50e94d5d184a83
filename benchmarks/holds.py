"""Watches how long the event loop is held: while one callback runs, nothing else does."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
import os
from pathlib import Path
import time
from unittest.mock import patch

# Of this thread: nanoseconds on a CPU, then nanoseconds in which it could have run and had none.
_SCHEDSTAT = Path("/proc/thread-self/schedstat")


@dataclass
class Hold:
    """The longest hold so far, and by whom."""

    seconds: float = 0.0
    culprit: str = ""


@asynccontextmanager
async def longest_hold() -> AsyncGenerator[Hold]:
    """Yield the longest hold of the loop within the block.

    It includes waiting for the interpreter's lock, but not for a CPU that the machine gave
    to somebody else.
    """
    longest = Hold()
    run = asyncio.Handle._run  # noqa: SLF001 -- every callback goes through here

    def timed(handle: asyncio.Handle) -> None:
        name = _named(handle)
        start, waited = time.perf_counter(), _without_cpu()
        run(handle)
        held = time.perf_counter() - start - (_without_cpu() - waited)
        if held > longest.seconds:
            longest.seconds, longest.culprit = held, name()

    with patch.object(asyncio.Handle, "_run", timed):
        # The callback that runs by now is not watched.
        await asyncio.sleep(0)
        yield longest


def _without_cpu() -> float:
    """Return how many seconds this thread has waited for a CPU, where the machine tells."""
    file = _schedstat()
    return int(os.pread(file, 64, 0).split()[1]) / 1e9 if file else 0.0


@cache
def _schedstat() -> int | None:
    return os.open(_SCHEDSTAT, os.O_RDONLY) if _SCHEDSTAT.exists() else None


def _named(handle: asyncio.Handle) -> Callable[[], str]:
    """Return what names a handle's callback, which the handle forgets once it has run."""
    callback = getattr(handle, "_callback", None)

    def name() -> str:
        owner = getattr(callback, "__self__", None)
        if not isinstance(owner, asyncio.Task):
            return repr(callback)
        return f"{owner.get_name()}: {getattr(owner.get_coro(), '__qualname__', '')}"

    return name
