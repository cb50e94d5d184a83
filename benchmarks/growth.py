"""Measure how the cost of an account grows with what it has, and write docs/performance.md."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
import statistics
import tempfile
import time
from typing import Final

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from demo.cloudflare import Cloudflare

from .account import account, act, ahead
from .bare import recorded_urls
from .calls import CALLS_A_DAY
from .crowd import Size, fill, pass_time
from .holds import longest_hold
from .home import home, settle
from .load import CPU_RATIO, HOLD_MS

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "performance.md"
NUMBERS_OF_TUNNELS: Final = (1, 10, 100)
NUMBERS_OF_CERTIFICATES: Final = (10, 100, 1000)
NUMBERS_OF_HOSTNAMES: Final = (1, 10, 50)
_ROUNDS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an account of a size costs."""

    size: Size
    set_up_seconds: float
    calls: int
    cpu_ms: float
    hold_ms: float


async def measure(size: Size) -> Cost:
    """Set up an account of a size, and measure its refreshes."""
    with tempfile.TemporaryDirectory() as folder:
        async with Cloudflare.run(Path(folder)) as cloudflare, home(cloudflare) as hass:
            entry = account(
                cloudflare, await fill(cloudflare, size), keep_in_sync=False
            )
            entry.add_to_hass(hass)
            start = time.monotonic()
            await hass.config_entries.async_setup(entry.entry_id)
            set_up_seconds = time.monotonic() - start
            await act(hass, entry, "sync")
            return await _measure_refreshes(
                cloudflare, hass, entry, size, set_up_seconds
            )


async def _measure_refreshes(
    cloudflare: Cloudflare,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    size: Size,
    set_up_seconds: float,
) -> Cost:
    cpu, holds, calls = [], [], 0
    for number in range(1, _ROUNDS + 1):
        await settle(hass)
        await pass_time(cloudflare)
        with recorded_urls(hass) as urls, ahead(timedelta(hours=number)):
            async with longest_hold() as hold:
                used = time.process_time()
                await entry.runtime_data.protection.async_refresh()
                await entry.runtime_data.tunnels.async_refresh()
                cpu.append(time.process_time() - used)
        holds.append(hold.seconds)
        calls = len(urls)
    return Cost(
        size=size,
        set_up_seconds=set_up_seconds,
        calls=calls,
        # Other load can only add to a time: the lowest counts.
        cpu_ms=min(cpu) * 1000,
        hold_ms=statistics.median(holds) * 1000,
    )


def document(
    tunnels: Iterable[Cost], certificates: Iterable[Cost], hostnames: Iterable[Cost]
) -> str:
    """Return the document with these costs."""
    return f"""# What it costs

Written by `scripts/docs performance`: Home Assistant with this integration, and a local Cloudflare in another process, on one
machine. On yours the times differ; how they grow does not. `scripts/benchmark` measures everything that has a budget.
To compare it with other integrations, put their folders from `custom_components` into one folder and run
`scripts/benchmark --peers FOLDER`, which measures all of them at the same local Cloudflare: import, set-up, memory, calls a day, and
how soon each shows that a tunnel failed.

| what | budget |
|---|---|
| calls to Cloudflare in a day, with one domain, three tunnels and ten devices, also while one of these calls keeps failing | {CALLS_A_DAY:,} |
| writes in a day, once everything is in sync | 0 |
| longest hold of the event loop, during which Home Assistant does nothing else | {HOLD_MS} ms |
| CPU of a refresh, with 100 tunnels, 1,000 certificates and 50 protected hostnames, divided by that of a client that only fetches and decodes the same answers | {CPU_RATIO} |

A refresh here is everything that is read every 15 minutes: the rules, records, associations and certificates of each domain that has a
protected hostname, and the tunnels with their connectors.

## More tunnels

{_table("tunnels", lambda size: size.tunnels, tunnels)}

## More certificates

Nobody's certificates: Cloudflare lists them for as long as the domain exists, also after they were revoked.

{_table("certificates", lambda size: size.certificates, certificates)}

## More protected hostnames

{_table("hostnames", lambda size: size.hostnames, hostnames)}
"""


def _table(name: str, number: Callable[[Size], int], costs: Iterable[Cost]) -> str:
    costs = list(costs)
    rows = [
        f"| {number(cost.size):,} | {cost.calls} | {cost.cpu_ms:.0f} ms | {cost.hold_ms:.1f} ms"
        f" | {cost.set_up_seconds:.1f} s |"
        for cost in costs
    ]
    numbers = ", ".join(f'"{number(cost.size):,}"' for cost in costs)
    bars = ", ".join(f"{cost.cpu_ms:.0f}" for cost in costs)
    return "\n".join(
        [
            f"| {name} | calls of a refresh | CPU of a refresh | longest hold | set-up |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "```mermaid",
            "xychart-beta",
            f'    x-axis "{name}" [{numbers}]',
            '    y-axis "CPU of a refresh in ms"',
            f"    bar [{bars}]",
            "```",
        ]
    )


async def main() -> None:
    """Measure each size, and write the document."""
    tunnels = [
        await measure(Size(tunnels=number, certificates=10, hostnames=1))
        for number in NUMBERS_OF_TUNNELS
    ]
    certificates = [
        await measure(Size(tunnels=1, certificates=number, hostnames=1))
        for number in NUMBERS_OF_CERTIFICATES
    ]
    hostnames = [
        await measure(Size(tunnels=1, certificates=10, hostnames=number))
        for number in NUMBERS_OF_HOSTNAMES
    ]
    DOCUMENT.write_text(document(tunnels, certificates, hostnames))


if __name__ == "__main__":
    asyncio.run(main())
