"""The time: the machine's, which can be moved on, and what happens as it passes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter


class Clock:
    """Tells the time of the process's sandbox, and makes changes when they are due."""

    def __init__(self) -> None:
        """Start with the machine's time."""
        self._ahead = timedelta()
        self._due: list[tuple[datetime, Callable[[], object]]] = []

    def reset(self) -> None:
        """Return to the machine's time and forget what was to come."""
        self._ahead = timedelta()
        self._due.clear()

    def now(self) -> datetime:
        """Return the time."""
        return machine_now() + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move on."""
        self._ahead += by
        self.catch_up()

    def later(self, seconds: float, change: Callable[[], object]) -> None:
        """Make a change after so many seconds, or at once."""
        if seconds <= 0:
            change()
        else:
            self._due.append((self.now() + timedelta(seconds=seconds), change))

    def catch_up(self) -> None:
        """Make the changes whose time has come, the earliest first."""
        time = self.now()
        due = sorted((each for each in self._due if each[0] <= time), key=itemgetter(0))
        self._due = [each for each in self._due if each[0] > time]
        for _, change in due:
            change()


@dataclass
class Delays:
    """How many seconds Cloudflare takes to make a change felt; by default none."""

    revocation: float = 0
    """Until a certificate's pending_revocation or pending_reactivation is over."""
    enforcement: float = 0
    """Until the edge knows of a revocation, or that it was taken back."""
    certificate_list: float = 0
    """Until a new certificate is listed."""
    associations: float = 0
    """Until hostname associations are read as they were written."""
    new_token: float = 0
    """Until a new token is refused no more; meanwhile every other call is."""
    reconnection: float = 0
    """Until a lost connection of a tunnel is forgotten."""
    events: float = 0
    """Until a blocked request is among the firewall events."""

    @classmethod
    def realistic(cls) -> Delays:
        """Return what people measured."""
        # GUESS: reconnection and events; "a few minutes" is all that is known.
        return cls(
            revocation=120,
            enforcement=60,
            certificate_list=60,
            associations=60,
            new_token=30,
            reconnection=180,
            events=120,
        )


def machine_now() -> datetime:
    """Return the machine's time, by which clients judge the edge's certificates."""
    return datetime.now(UTC)


# One for the process, as there is one wall clock; every new sandbox resets it.
CLOCK = Clock()
now = CLOCK.now
