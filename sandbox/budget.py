"""The API's rate limit."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .clock import now


@dataclass
class Window:
    """The requests of one token owner since a start time."""

    start: datetime
    used: int = 0


@dataclass
class Budget:
    """A rate limit: requests allowed per token owner within a number of seconds."""

    limit: int = 1200
    seconds: int = 300
    _windows: dict[str, Window] = field(default_factory=dict, init=False, repr=False)

    def spend(self, owner: str) -> bool:
        """Count a request and return whether it is within the limit."""
        window = self._current(owner)
        if window.used == self.limit:
            # The first request over the limit starts a new window, in which all are refused.
            window.start = now()
        window.used += 1
        return window.used <= self.limit

    def left(self, owner: str) -> int:
        """Return how many requests are left in the current window."""
        return max(0, self.limit - self._current(owner).used)

    def seconds_left(self, owner: str) -> int:
        """Return the seconds until the current window ends."""
        end = self._current(owner).start + timedelta(seconds=self.seconds)
        return max(1, round((end - now()).total_seconds()))

    def _current(self, owner: str) -> Window:
        window = self._windows.setdefault(owner, Window(now()))
        if now() - window.start >= timedelta(seconds=self.seconds):
            window = self._windows[owner] = Window(now())
        return window
