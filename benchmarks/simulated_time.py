"""Time that passes from timer to timer, here and at the local Cloudflare."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
import time
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles

from demo.cloudflare import Cloudflare

from .crowd import pass_time
from .home import settle


class SimulatedTime:
    """The time of the event loop and of Home Assistant, which can be moved forward."""

    def __init__(self) -> None:
        """Start with the real time."""
        self.ahead = 0.0

    @contextmanager
    def running(self) -> Generator[None]:
        """Make this process use this time; the event loop asks for `time.monotonic`."""
        monotonic: Callable[[], float] = time.monotonic
        utcnow: Callable[[], datetime] = dt_util.utcnow
        with (
            patch.object(time, "monotonic", lambda: monotonic() + self.ahead),
            patch.object(
                dt_util, "utcnow", lambda: utcnow() + timedelta(seconds=self.ahead)
            ),
        ):
            yield

    async def pass_by(
        self, hass: HomeAssistant, cloudflare: Cloudflare, seconds: float
    ) -> None:
        """Let time pass here and at Cloudflare, from timer to timer."""
        passed = 0.0
        while passed < seconds:
            skipped = await self.skip_to_next_timer(hass)
            await pass_time(cloudflare, skipped)
            passed += skipped

    async def skip_to_next_timer(self, hass: HomeAssistant) -> float:
        """Move to the next timer, wait for what it starts, and return the seconds skipped."""
        timers = get_scheduled_timer_handles(hass.loop)
        due = min(timer.when() for timer in timers if not timer.cancelled())
        seconds = max(0.0, due - hass.loop.time())
        self.ahead += seconds
        await asyncio.sleep(0)
        await settle(hass)
        return seconds
