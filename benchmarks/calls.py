"""Count the calls to Cloudflare's API in a day in which everything is in sync, with and without a login hostname."""

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
import re
import sys
import tempfile

from demo.cloudflare import Cloudflare

from .account import account
from .crowd import Size, fill
from .figures import within_budget
from .home import home, settle
from .simulated_time import SimulatedTime

SIZE = Size(tunnels=3, certificates=10, hostnames=1)
CALLS_A_DAY = 3000
# Simulate this part of a day; every other part costs the same number of calls.
PART, PARTS = 6 * 3600, 4
_START, _FIRST_FAILURES = 3600, 8 * 3600
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


async def run() -> bool:
    """Print each figure and return whether all are within budget."""
    days = [await count(login=False), usual := await count(login=True)]
    days += [await count(login=True, failing=call) for call in sorted(usual.calls)]
    return all(day.is_within_budget for day in days)


@dataclass(frozen=True)
class _Day:
    """The calls that were made, and whether that was within budget."""

    calls: Collection[str]
    is_within_budget: bool


async def count(*, login: bool, failing: str | None = None) -> _Day:
    """Print what a day costs, also while one call keeps failing."""
    simulated = SimulatedTime()
    with tempfile.TemporaryDirectory() as folder, simulated.running():
        async with Cloudflare.run(Path(folder)) as cloudflare, home(cloudflare) as hass:
            places = await fill(cloudflare, SIZE)
            entry = account(
                cloudflare,
                places,
                keep_in_sync=True,
                login=f"home.{cloudflare.facts['zone_name']}" if login else None,
            )
            entry.add_to_hass(hass)
            await hass.config_entries.async_setup(entry.entry_id)
            await settle(hass)
            if failing:
                path = failing.removeprefix("GET ")
                fault = {"kind": "500", "method": "GET", "path": path, "times": None}
                await cloudflare.control("POST", "faults", fault)
            # What follows the start, or the first failures, is no part of a usual day.
            start = _FIRST_FAILURES if failing else _START
            await simulated.pass_by(hass, cloudflare, start)
            before = len((await cloudflare.control("GET", "journal"))["requests"])
            await simulated.pass_by(hass, cloudflare, PART)
            journal = await cloudflare.control("GET", "journal")
    requests = journal["requests"][before:]
    calls = Counter(
        f"{request['method']} {_ID.sub(_any, request['path'])}" for request in requests
    )
    suffix = " with a login hostname" if login else ""
    if failing:
        suffix += f" while {failing} fails"
    print(f"a day{suffix} ({SIZE}):")
    for call, number in calls.most_common():
        print(f"  {number * PARTS:,} {call}")
    writes = sum(request["write"] for request in requests)
    refused = sum(request["status"] >= 400 for request in requests)
    within = all(
        [
            within_budget(f"calls a day{suffix}", len(requests) * PARTS, CALLS_A_DAY),
            within_budget(f"writes a day{suffix}", writes * PARTS, 0),
            within_budget(
                f"refusals a day{suffix}", refused * PARTS, None if failing else 0
            ),
        ]
    )
    return _Day(calls.keys(), within)


def _any(found: re.Match[str]) -> str:
    """Return the wildcards that match an id, and no path that is longer."""
    return "?" * len(found[0])


if __name__ == "__main__":
    sys.exit(not asyncio.run(run()))
