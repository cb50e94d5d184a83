"""Lists as they were seen last with something in them: one that comes back empty is not believed at once."""

from collections.abc import Collection, Iterable
from datetime import timedelta

from ..moment import Moment
from .errors import expect_agreement


class WholeLists:
    """What lists held when they were last seen with something in them, by the lists' names."""

    def __init__(self) -> None:
        """Begin without having seen a list."""
        self._seen: dict[str, tuple[Moment, frozenset[str]]] = {}

    def last(self, name: str) -> frozenset[str]:
        """Return what a list held when it was last seen with something in it."""
        _, items = self._seen.get(name, (None, frozenset()))
        return items

    def note(self, name: str, items: Iterable[str]) -> None:
        """Remember what a list holds, as it was read or written, unless it is empty."""
        if present := frozenset(items):
            self._seen[name] = (Moment.now(), present)

    def forget(self, name: str) -> None:
        """Believe that a list is empty."""
        self._seen.pop(name, None)

    def expect_kept(
        self,
        name: str,
        read: Collection[str],
        wanted: Collection[str],
        believed_after: timedelta,
    ) -> None:
        """Raise Unavailable where writing a list would lose all that others had in it a while ago.

        read: what the list is said to hold now. wanted: what is about to be written in its place.
        """
        seen = self._seen.get(name)
        if seen is None or set(read) & set(wanted):
            return
        at, items = seen
        lost = items - set(read).symmetric_difference(wanted)
        expect_agreement(not lost or at.age >= believed_after)
