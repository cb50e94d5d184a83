"""Asks for several things at once, of which each may fail alone."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from .errors import EngineError, PermissionMissing, RateLimited, TokenRejected


@dataclass(frozen=True, kw_only=True)
class Each[KeyT, ResultT]:
    """What was found, and what could not be had, of several things that were asked for."""

    found: Mapping[KeyT, ResultT]
    failed: Mapping[KeyT, EngineError]

    @property
    def not_permitted(self) -> frozenset[KeyT]:
        """Return what could not be had for want of a permission."""
        return frozenset(
            key
            for key, err in self.failed.items()
            if isinstance(err, PermissionMissing)
        )

    def raise_if_all_failed(self) -> None:
        """Raise the first EngineError if there is nothing but errors."""
        if self.failed and not self.found:
            raise next(iter(self.failed.values()))

    def raise_if_not_permitted(self) -> None:
        """Raise PermissionMissing where one was missing: it is missing for all of them."""
        for err in self.failed.values():
            if isinstance(err, PermissionMissing):
                raise err


async def ask_each[KeyT, ResultT](
    keys: Iterable[KeyT], ask: Callable[[KeyT], Awaitable[ResultT]]
) -> Each[KeyT, ResultT]:
    """Ask for each key, all at once.

    Raises TokenRejected and RateLimited: they are not about one of the keys.
    """
    keys = tuple(keys)
    answers = await asyncio.gather(*(_answer(ask, key) for key in keys))
    both = list(zip(keys, answers, strict=True))
    return Each(
        found={key: item for key, item in both if not isinstance(item, EngineError)},
        failed={key: item for key, item in both if isinstance(item, EngineError)},
    )


async def _answer[KeyT, ResultT](
    ask: Callable[[KeyT], Awaitable[ResultT]], key: KeyT
) -> ResultT | EngineError:
    try:
        return await ask(key)
    except TokenRejected, RateLimited:
        raise
    except EngineError as err:
        return err
