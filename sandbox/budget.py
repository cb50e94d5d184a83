"""How many requests may be made before all are refused for a while."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .clock import now


@dataclass
class Window:
    """What one owner of tokens has used since when."""

    start: datetime
    used: int = 0


@dataclass
class Budget:
    """So many requests in so many seconds for every owner of tokens."""

    limit: int = 1200
    seconds: int = 300
    _windows: dict[str, Window] = field(default_factory=dict, init=False, repr=False)

    def spend(self, owner: str) -> bool:
        """Count a request, and tell whether it still may be made."""
        window = self._current(owner)
        if window.used == self.limit:
            # The refusal lasts as long as a window, from the first request too many.
            window.start = now()
        window.used += 1
        return window.used <= self.limit

    def left(self, owner: str) -> int:
        """Return how many requests may still be made."""
        return max(0, self.limit - self._current(owner).used)

    def seconds_left(self, owner: str) -> int:
        """Return how long it takes until all may be made again."""
        end = self._current(owner).start + timedelta(seconds=self.seconds)
        return max(1, round((end - now()).total_seconds()))

    def _current(self, owner: str) -> Window:
        window = self._windows.setdefault(owner, Window(now()))
        if now() - window.start >= timedelta(seconds=self.seconds):
            window = self._windows[owner] = Window(now())
        return window
