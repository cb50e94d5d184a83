"""The clock of the home, which can be wrong while that of Cloudflare is right, for the tests."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory

from sandbox import Sandbox


def set_clock(sandbox: Sandbox, freezer: FrozenDateTimeFactory, by: timedelta) -> None:
    """Set the clock of the home; no time passes, and Cloudflare's clock stays as it is."""
    freezer.tick(by)
    sandbox.clock.advance(-by)
