"""A clock that can be moved forward, and the changes scheduled on it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter


class Clock:
    """The sandbox's time, ahead of the machine's by any amount; runs changes when due."""

    def __init__(self) -> None:
        """Start with the machine's time."""
        self._ahead = timedelta()
        self._due: list[tuple[datetime, Callable[[], object]]] = []

    def reset(self) -> None:
        """Return to the machine's time and drop all scheduled changes."""
        self._ahead = timedelta()
        self._due.clear()

    def now(self) -> datetime:
        """Return the sandbox's time."""
        return machine_now() + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move the time forward and run the changes that become due."""
        self._ahead += by
        self.catch_up()

    def schedule(self, seconds: float, change: Callable[[], object]) -> None:
        """Run a change after a number of seconds; with none, at once."""
        if seconds <= 0:
            change()
        else:
            self._due.append((self.now() + timedelta(seconds=seconds), change))

    def catch_up(self) -> None:
        """Run the changes that are due, the earliest first."""
        time = self.now()
        due = sorted((each for each in self._due if each[0] <= time), key=itemgetter(0))
        self._due = [each for each in self._due if each[0] > time]
        for _, change in due:
            change()


@dataclass
class Delays:
    """The seconds until changes take effect at Cloudflare; none by default."""

    revocation: float = 0
    """Until a certificate leaves the status pending_revocation or pending_reactivation."""
    enforcement: float = 0
    """Until the edge knows that a certificate was revoked or restored."""
    certificate_list: float = 0
    """Until a new certificate is listed."""
    associations: float = 0
    """Until reads return the hostname associations that were written last."""
    new_token: float = 0
    """Until a new token always works; before that, every second call is refused."""
    reconnection: float = 0
    """Until a lost connection of a tunnel is no longer listed."""
    events: float = 0
    """Until a blocked request is listed among the firewall events."""
    access_list: float = 0
    """Until lists of Access show a change; reads by id show it at once."""
    access_edge: float = 0
    """Until the edge follows a change of Access."""
    access_policy: float = 0
    """Until applications can use a new reusable policy."""
    access_revocation: float = 0
    """Until the edge knows that tokens of Access were revoked."""
    access_login: float = 0
    """Until a person whose sessions were revoked can log in again."""

    @classmethod
    def realistic(cls) -> Delays:
        """Return the delays that users of Cloudflare measured."""
        # GUESS: reconnection and events. Sources only say "a few minutes". The edge followed
        # changes of Access within seconds, once after 120; how soon a policy works is unknown.
        return cls(
            revocation=120,
            enforcement=60,
            certificate_list=60,
            associations=60,
            new_token=30,
            reconnection=180,
            events=120,
            access_list=30,
            access_edge=15,
            access_policy=5,
            access_revocation=30,
            access_login=60,
        )


def machine_now() -> datetime:
    """Return the machine's time, which clients check the edge's certificates against."""
    return datetime.now(UTC)


# One per process, like the wall clock; every new sandbox resets it.
CLOCK = Clock()
now = CLOCK.now
