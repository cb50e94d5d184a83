"""The budget of API calls in a sliding window of time."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

# The regular calls of a home with three tunnels.
CALLS_A_DAY: Final = 3000
# The regular calls in any hour; rare ones may fall into the same hour.
CALLS_AN_HOUR: Final = 150
# Further calls with a cause: a change at Cloudflare or of a fault, a write of ours, and an
# attempt to set the account up, which Home Assistant makes every 80 seconds.
CALLS_A_CHANGE: Final = 30
CALLS_A_WRITE: Final = 10
CALLS_A_SETUP: Final = 15


class CallBudget:
    """Counts the calls of the last hours, and checks that they are not too many."""

    def __init__(self, window: timedelta, allowed: int) -> None:
        """Allow a number of regular calls in any window of this length."""
        self._window = window
        self._allowed = allowed
        self._ticks: deque[tuple[datetime, int, int]] = deque()

    def note(self, now: datetime, calls: int, excused: int) -> None:
        """Count the calls of a tick; `excused` is how many further calls had a cause."""
        self._ticks.append((now, calls, excused))
        while self._ticks[0][0] <= now - self._window:
            self._ticks.popleft()
        made = sum(each[1] for each in self._ticks)
        assert made <= self._allowed + sum(each[2] for each in self._ticks), made
