"""Count the calls to Cloudflare's API in a day in which everything is in sync."""

import asyncio
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
import re
import sys
import tempfile
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from homeassistant.util.async_ import get_scheduled_timer_handles

from demo.cloudflare import Cloudflare

from .crowd import Size, fill, pass_time
from .figures import within_budget
from .home import account, home, settle

SIZE = Size(tunnels=3, certificates=10, hostnames=1)
# Simulate this part of a day; every other part costs the same number of calls.
PART, PARTS = 6 * 3600, 4
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


class SimulatedTime:
    """The time of the event loop and of Home Assistant, which can be moved forward."""

    def __init__(self) -> None:
        """Start with the real time."""
        self.ahead = 0.0

    @contextmanager
    def running(self) -> Generator[None]:
        """Make the event loop and Home Assistant use this time."""
        loop = asyncio.get_running_loop()
        loop_time: Callable[[], float] = loop.time
        utcnow: Callable[[], datetime] = dt_util.utcnow
        with (
            patch.object(loop, "time", lambda: loop_time() + self.ahead),
            patch.object(
                dt_util, "utcnow", lambda: utcnow() + timedelta(seconds=self.ahead)
            ),
        ):
            yield

    async def skip_to_next_timer(self, hass: HomeAssistant) -> float:
        """Move to the next timer, wait for what it starts, and return the seconds skipped."""
        timers = get_scheduled_timer_handles(hass.loop)
        due = min(timer.when() for timer in timers if not timer.cancelled())
        seconds = max(0.0, due - hass.loop.time())
        self.ahead += seconds
        await asyncio.sleep(0)
        await settle(hass)
        return seconds


async def run() -> bool:
    """Print each figure and return whether all are within budget."""
    time = SimulatedTime()
    with tempfile.TemporaryDirectory() as folder, time.running():
        async with Cloudflare.run(Path(folder)) as cloudflare, home(cloudflare) as hass:
            hostnames = await fill(cloudflare, SIZE)
            entry = account(cloudflare, hostnames, keep_in_sync=True)
            entry.add_to_hass(hass)
            await hass.config_entries.async_setup(entry.entry_id)
            await settle(hass)
            before = len((await cloudflare.control("GET", "journal"))["requests"])
            passed = 0.0
            while passed < PART:
                seconds = await time.skip_to_next_timer(hass)
                await pass_time(cloudflare, seconds)
                passed += seconds
            journal = await cloudflare.control("GET", "journal")
    requests = journal["requests"][before:]
    calls = Counter(
        f"{request['method']} {_ID.sub('{id}', request['path'])}"
        for request in requests
    )
    print(f"a day ({SIZE}):")
    for call, count in calls.most_common():
        print(f"  {count * PARTS:,} {call}")
    writes = sum(request["write"] for request in requests)
    refused = sum(request["status"] >= 400 for request in requests)
    return all(
        [
            within_budget("calls a day", len(requests) * PARTS, 3000),
            within_budget("writes a day", writes * PARTS, 0),
            within_budget("refusals a day", refused * PARTS, 0),
        ]
    )


if __name__ == "__main__":
    sys.exit(not asyncio.run(run()))
