"""Count the calls to Cloudflare's API that a day costs where everything is in sync."""

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

from .crowd import Size, fill, rest
from .figures import keeps
from .home import account, home, settle

SIZE = Size(tunnels=3, certificates=10, hostnames=1)
# A part of a day in which everything happens as often as in any other.
PART, PARTS = 6 * 3600, 4
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


class Time:
    """The time of the event loop and of Home Assistant, which can be moved on."""

    def __init__(self) -> None:
        """Start with the real time."""
        self.ahead = 0.0

    @contextmanager
    def running(self) -> Generator[None]:
        """Have everybody ask for this time."""
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

    async def pass_until_next_timer(self, hass: HomeAssistant) -> float:
        """Skip the time in which nothing happens, see what happens then, and return how much."""
        timers = get_scheduled_timer_handles(hass.loop)
        due = min(timer.when() for timer in timers if not timer.cancelled())
        seconds = max(0.0, due - hass.loop.time())
        self.ahead += seconds
        await asyncio.sleep(0)
        await settle(hass)
        return seconds


async def run() -> bool:
    """Print each figure and tell whether all keep their budget."""
    time = Time()
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
                seconds = await time.pass_until_next_timer(hass)
                await rest(cloudflare, seconds)
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
            keeps("calls a day", len(requests) * PARTS, 3000),
            keeps("writes a day", writes * PARTS, 0),
            keeps("refusals a day", refused * PARTS, 0),
        ]
    )


if __name__ == "__main__":
    sys.exit(not asyncio.run(run()))
