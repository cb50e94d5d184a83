"""The clock of the home, which can be wrong while that of Cloudflare is right, for the tests."""

from datetime import timedelta
import time

from freezegun.api import FrozenDateTimeFactory
import pytest

from sandbox import Sandbox


class HomeClock:
    """The clock of the home; time goes on as before when it is set."""

    def __init__(
        self,
        sandbox: Sandbox,
        freezer: FrozenDateTimeFactory,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Begin with the right time."""
        self._sandbox = sandbox
        self._freezer = freezer
        self._ahead = timedelta()
        # Stopped clocks are all set at once, those that nobody can set too.
        stopped = time.monotonic
        monkeypatch.setattr(
            time, "monotonic", lambda: stopped() - self._ahead.total_seconds()
        )

    def set(self, by: timedelta) -> None:
        """Set it forward or back."""
        self._ahead += by
        self._freezer.tick(by)
        self._sandbox.clock.advance(-by)
