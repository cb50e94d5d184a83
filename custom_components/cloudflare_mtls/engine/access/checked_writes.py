"""Looks before and after a write: what was planned for is still there, and what was sent arrived."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from operator import eq
from typing import Any, Final, Protocol

from ..api.access_models import WithId
from ..api.errors import Conflict, PermissionMissing, PolicyUnknownYet, expect_agreement

# Seconds, 45 in all: a policy that was just created may not be known everywhere before.
POLICY_PAUSES: Final = (1.0, 1.5, 2.25, 3.4, *(5.0 for _ in range(7)))
# Seconds: writes that come too fast are refused as if a permission were missing.
REFUSAL_PAUSES: Final = (1.0, 3.0)

type Body = Mapping[str, Any]


class _Resource[ItemT](Protocol):
    """What Cloudflare's API offers for objects of one kind."""

    async def find(self, account_id: str, item_id: str, /) -> ItemT | None: ...
    async def create(self, account_id: str, body: Body, /) -> ItemT: ...
    async def replace(
        self, account_id: str, changes: Body, /, *, replacing: ItemT
    ) -> ItemT: ...
    async def delete(self, account_id: str, item_id: str, /) -> None: ...


class CheckedWrites[ItemT: WithId]:
    """Writes objects of one kind; every write is looked at before and after."""

    def __init__(
        self,
        resource: _Resource[ItemT],
        account_id: str,
        keep: Callable[[ItemT], None],
        is_same: Callable[[ItemT, ItemT], bool] = eq,
    ) -> None:
        """Write objects of an account.

        keep is called with what was written, as each answer shows it: first that of the write, so
        that it is known whatever happens next. is_same returns whether two looks show the same.
        """
        self._resource = resource
        self._account_id = account_id
        self._keep = keep
        self._is_same = is_same

    async def unchanged(self, planned: ItemT) -> ItemT:
        """Return an object as it is now; raise Conflict unless it is as it was planned for."""
        seen = await self._resource.find(self._account_id, planned.id)
        return self._expect_planned(seen, planned)

    async def create(self, body: Body) -> ItemT:
        """Create an object, and return it as it is read back."""
        written = await patiently(lambda: self._resource.create(self._account_id, body))
        return await self._read_back(written)

    async def replace(self, before: ItemT, changes: Body) -> ItemT:
        """Change fields of an object that was just read, and return it as it is read back."""
        written = await patiently(
            lambda: self._resource.replace(self._account_id, changes, replacing=before)
        )
        return await self._read_back(written)

    async def delete(self, planned: ItemT) -> None:
        """Delete an object that is as it was planned for, and look whether it is gone.

        What is gone already counts as deleted. Raises Conflict where somebody else changed it.
        """
        seen = await self._resource.find(self._account_id, planned.id)
        if seen is None:
            return
        self._expect_planned(seen, planned)
        await patiently(lambda: self._resource.delete(self._account_id, planned.id))
        gone = await self._resource.find(self._account_id, planned.id)
        expect_agreement(gone is None)

    def _expect_planned(self, seen: ItemT | None, planned: ItemT) -> ItemT:
        if seen is None or not self._is_same(seen, planned):
            raise Conflict(None, "somebody else changed it at the same time")
        return seen

    async def _read_back(self, written: ItemT) -> ItemT:
        """Return what was written as it is read by its id; raise Unavailable if it is not there."""
        self._keep(written)
        seen = await self._resource.find(self._account_id, written.id)
        expect_agreement(seen is not None)
        assert seen is not None
        self._keep(seen)
        return seen


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
