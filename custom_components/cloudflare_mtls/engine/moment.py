"""Moments between which time passes evenly: the clock of the home may be set at any time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import time
from typing import Self


@dataclass(frozen=True, kw_only=True, order=True)
class Moment:
    """A moment since this machine was started; it cannot be stored.

    on: what the clock said then, for people to read.
    """

    seconds: float
    on: datetime = field(compare=False)

    @classmethod
    def now(cls) -> Self:
        """Return this moment."""
        return cls(seconds=time.monotonic(), on=datetime.now(UTC))

    @property
    def age(self) -> timedelta:
        """Return how much time has passed since."""
        return Moment.now() - self

    def __sub__(self, earlier: Moment) -> timedelta:
        """Return how much time passed between both."""
        return timedelta(seconds=self.seconds - earlier.seconds)


class Lasting:
    """Since when things have lasted, by their ids: at every look since then, each of them was there."""

    def __init__(self) -> None:
        """Begin without having looked."""
        self._since: Mapping[str, Moment] = {}

    def look(self, there: Iterable[str]) -> Mapping[str, Moment]:
        """Return since when each of those has lasted that are there now."""
        now = Moment.now()
        self._since = {key: self._since.get(key, now) for key in there}
        return self._since
