"""Looks before and after a write: what was planned for is still there, and what was sent arrived."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from operator import eq
from typing import Final

from ..api.errors import Conflict, PermissionMissing, PolicyUnknownYet, Unavailable

# Seconds, 45 in all: a policy that was just created may not be known everywhere before.
POLICY_PAUSES: Final = (1.0, 1.5, 2.25, 3.4, *(5.0 for _ in range(7)))
# Seconds: writes that come too fast are refused as if a permission were missing.
REFUSAL_PAUSES: Final = (1.0, 3.0)


async def patiently[ResultT](write: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Return what a write returns; repeat one that was refused and may be accepted later.

    What is refused did not happen, so that nothing is created twice.
    """
    refusals, unknown = iter(REFUSAL_PAUSES), iter(POLICY_PAUSES)
    while True:
        try:
            return await write()
        except PermissionMissing as err:
            await _pause(refusals, err)
        except PolicyUnknownYet as err:
            await _pause(unknown, err)


async def _pause(pauses: Iterator[float], err: Exception) -> None:
    """Wait for the next pause; raise the error if there is none left."""
    if (pause := next(pauses, None)) is None:
        raise err
    await asyncio.sleep(pause)


async def unchanged[ItemT](
    read: Awaitable[ItemT | None],
    planned: ItemT,
    is_same: Callable[[ItemT, ItemT], bool] = eq,
) -> ItemT:
    """Return what is read now; raise Conflict unless it is as it was planned for."""
    seen = await read
    if seen is None or not is_same(seen, planned):
        raise Conflict(None, "somebody else changed it at the same time")
    return seen


async def delete_checked[ItemT](
    find: Callable[[], Awaitable[ItemT | None]],
    delete: Callable[[], Awaitable[None]],
    planned: ItemT,
    is_same: Callable[[ItemT, ItemT], bool] = eq,
) -> None:
    """Delete what is as it was planned for, and look whether it is gone.

    What is gone already counts as deleted. Raises Conflict where somebody else changed it.
    """
    seen = await find()
    if seen is None:
        return
    if not is_same(seen, planned):
        raise Conflict(None, "somebody else changed it at the same time")
    await patiently(delete)
    expect_agreement(await find() is None)


async def read_back[ItemT](read: Awaitable[ItemT | None]) -> ItemT:
    """Return what was written as it is read by its id; raise Unavailable if it is not there."""
    seen = await read
    expect_agreement(seen is not None)
    assert seen is not None
    return seen


def expect_agreement(agree: bool) -> None:
    """Raise Unavailable where Cloudflare's answers contradict each other."""
    if not agree:
        raise Unavailable("the answers contradict each other")
