"""Measure how long single callbacks hold the event loop; meanwhile nothing else can run."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
import os
from pathlib import Path
import time
from unittest.mock import patch

# Two numbers for this thread: nanoseconds on a CPU, and nanoseconds waiting for a CPU.
_SCHEDSTAT = Path("/proc/thread-self/schedstat")


@dataclass
class Hold:
    """The longest hold so far, and the callback that caused it."""

    seconds: float = 0.0
    culprit: str = ""


@asynccontextmanager
async def longest_hold() -> AsyncGenerator[Hold]:
    """Yield the longest hold of the loop within the block.

    A hold includes waiting for the interpreter's lock, but not the time in which the machine
    gave the CPU to another process.
    """
    longest = Hold()
    run = asyncio.Handle._run  # noqa: SLF001 -- every callback goes through here

    def timed(handle: asyncio.Handle) -> None:
        name = _name_of(handle)
        start, waited = time.perf_counter(), _seconds_without_cpu()
        run(handle)
        held = time.perf_counter() - start - (_seconds_without_cpu() - waited)
        if held > longest.seconds:
            longest.seconds, longest.culprit = held, name()

    with patch.object(asyncio.Handle, "_run", timed):
        # The callback that is running now is not measured.
        await asyncio.sleep(0)
        yield longest


def _seconds_without_cpu() -> float:
    """Return the seconds that this thread has waited for a CPU; 0 if the machine has no count."""
    file = _schedstat()
    return int(os.pread(file, 64, 0).split()[1]) / 1e9 if file else 0.0


@cache
def _schedstat() -> int | None:
    return os.open(_SCHEDSTAT, os.O_RDONLY) if _SCHEDSTAT.exists() else None


def _name_of(handle: asyncio.Handle) -> Callable[[], str]:
    """Return a function that names a handle's callback, which the handle drops after running it."""
    callback = getattr(handle, "_callback", None)

    def name() -> str:
        owner = getattr(callback, "__self__", None)
        if not isinstance(owner, asyncio.Task):
            return repr(callback)
        return f"{owner.get_name()}: {getattr(owner.get_coro(), '__qualname__', '')}"

    return name
