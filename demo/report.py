"""Print lines, and report failed or skipped checks."""

import asyncio
from collections.abc import Awaitable, Callable
import time


class CheckFailed(Exception):
    """A check failed; the message says what was found."""


class Skipped(Exception):
    """A check could only be done in part; the message says what is missing for the rest."""


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


def expect(holds: bool, why: str) -> None:
    """Raise CheckFailed unless a condition holds."""
    if not holds:
        raise CheckFailed(why)


def expect_equal(found: object, wanted: object, what: str) -> None:
    """Raise CheckFailed unless two values are equal."""
    expect(found == wanted, f"{what} is {found!r}, not {wanted!r}")


async def until[ResultT](
    what: str, ask: Callable[[], Awaitable[ResultT | None]], *, seconds: float = 45
) -> ResultT:
    """Call `ask` until it returns a value, and return it; raise CheckFailed after a timeout."""
    end = time.monotonic() + seconds
    while (answer := await ask()) is None:
        expect(time.monotonic() < end, f"{what}: not within {seconds:.0f} s")
        await asyncio.sleep(0.05)
    return answer
