"""A pause that Cloudflare asks for, kept by every client that shares it."""

import time

from .errors import RateLimited


class Pause:
    """How long nothing may be sent."""

    def __init__(self) -> None:
        """Begin without a pause."""
        # Unlike the time of day, this clock is never set back.
        self._until = time.monotonic()

    @property
    def left(self) -> float:
        """Return the seconds that are left of the pause."""
        return max(0.0, self._until - time.monotonic())

    def begin(self, seconds: float) -> RateLimited:
        """Pause for so many seconds, or longer where that was asked before; return the error to raise."""
        self._until = max(self._until, time.monotonic() + seconds)
        return RateLimited(seconds)

    def keep(self) -> None:
        """Raise RateLimited during the pause."""
        if left := self.left:
            raise RateLimited(left)
