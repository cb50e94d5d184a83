"""A pause that Cloudflare asks for, kept by everybody who shares it."""

import time

from .errors import RateLimited


class Pause:
    """For how long nothing more may be sent."""

    def __init__(self) -> None:
        """Begin without one."""
        # The time of day may be set back; this clock never is.
        self._until = time.monotonic()

    @property
    def left(self) -> float:
        """Return the seconds that are left of it."""
        return max(0.0, self._until - time.monotonic())

    def begin(self, seconds: float) -> RateLimited:
        """Keep quiet for so long, and no shorter than before; return the error that says so."""
        self._until = max(self._until, time.monotonic() + seconds)
        return RateLimited(seconds)

    def keep(self) -> None:
        """Raise RateLimited while the pause holds."""
        if left := self.left:
            raise RateLimited(left)
