"""A promise of the integration, and the check that it is kept."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .world import World

type Check = Callable[[World], Awaitable[None]]


@dataclass(frozen=True)
class Promise:
    """A sentence that the demo prints, and its check."""

    sentence: str
    check: Check


def promise(sentence: str) -> Callable[[Check], Promise]:
    """Make a check the check of a promise."""
    return lambda check: Promise(sentence, check)
