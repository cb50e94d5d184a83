"""Moments between which time passes evenly: the clock of the home may be set at any time."""

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
