"""How the demo speaks, and how a check says that something is not as it must be."""

import asyncio
from collections.abc import Awaitable, Callable
import time


class Unmet(Exception):
    """Something is not as it must be; the message says what was found instead."""


class Skipped(Exception):
    """A check has done what it could; the message says what is missing for the rest."""


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


def expect(holds: bool, why: str) -> None:
    """Raise Unmet unless something holds."""
    if not holds:
        raise Unmet(why)


def expect_equal(found: object, wanted: object, what: str) -> None:
    """Raise Unmet unless two things are equal."""
    expect(found == wanted, f"{what} is {found!r}, not {wanted!r}")


async def until[ResultT](
    what: str, ask: Callable[[], Awaitable[ResultT | None]], *, seconds: float = 20
) -> ResultT:
    """Ask again and again until there is an answer, and return it; raise Unmet if none comes."""
    end = time.monotonic() + seconds
    while (answer := await ask()) is None:
        expect(time.monotonic() < end, f"{what}: not within {seconds:.0f} s")
        await asyncio.sleep(0.05)
    return answer
