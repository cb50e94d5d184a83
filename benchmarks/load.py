"""Measure what accounts of several sizes cost Home Assistant: calls, CPU, holds of the loop."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
import gc
from itertools import count
from math import ceil
from pathlib import Path
import statistics
import sys
import tempfile
import time

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from demo.cloudflare import Cloudflare

from .account import account, act, ahead
from .bare import fetch_and_decode, recorded_urls
from .crowd import Place, Size, fill, pass_time
from .figures import within_budget
from .holds import Hold, longest_hold
from .home import home, settle

SMALL = Size(tunnels=3, certificates=10, hostnames=1)
LARGE = Size(tunnels=100, certificates=1000, hostnames=50)
# A rule holds 4,096 characters, which is room for about as much in four zones.
WIDE = Size(zones=4, tunnels=4, hostnames=100, devices=50)
ROUNDS = 5
CPU_ROUNDS = 10
HOLD_MS = 20
# The CPU time of a refresh, divided by that of a bare client for the same answers in the same run.
CPU_RATIO = 1.5

type Action = Callable[[], Awaitable[object]]


class Load:
    """Measurements of an account in use."""

    def __init__(
        self, cloudflare: Cloudflare, hass: HomeAssistant, entry: MockConfigEntry
    ) -> None:
        """Prepare to measure an account that is not set up yet."""
        self._cloudflare = cloudflare
        self._hass = hass
        self._entry = entry
        self._ahead = timedelta()
        self.all_within_budget = True

    async def measure(self, size: Size, places: Sequence[Place]) -> None:
        """Measure and print each figure."""
        print(f"{size}:")
        entries, entry = self._hass.config_entries, self._entry
        entry.add_to_hass(self._hass)
        # Home Assistant adds all entities of a platform in one callback; no budget for many.
        set_up_ms = HOLD_MS if size is SMALL else None
        await self._hold(
            "set-up", lambda: entries.async_setup(entry.entry_id), budget=set_up_ms
        )
        await self._hold("first sync", lambda: act(self._hass, entry, "sync"))
        await self._add_devices(size, places)
        protection, tunnels = entry.runtime_data.protection, entry.runtime_data.tunnels
        refreshes: dict[str, Action] = {
            "refresh of the protection": protection.async_refresh,
            "refresh of the tunnels": tunnels.async_refresh,
            "refresh of tunnels and connectors": lambda: self._an_hour_later(
                tunnels.async_refresh
            ),
        }
        budgets = dict(zip(refreshes, _call_budgets(size), strict=True))
        for name, refresh in refreshes.items():
            urls = await self._calls(name, refresh, budgets[name])
            await self._cpu(name, refresh, urls)
            await self._hold(name, refresh, rounds=ROUNDS)
        whole = "refresh of the whole account"
        calls = sum(
            budgets[name]
            for name in (
                "refresh of the protection",
                "refresh of tunnels and connectors",
            )
        )
        urls = await self._calls(whole, self._refresh_all, calls)
        ratio = CPU_RATIO if size is LARGE else None
        await self._cpu(whole, self._refresh_all, urls, ratio)
        await self._hold(
            "sync with nothing to do",
            lambda: act(self._hass, entry, "sync"),
            rounds=ROUNDS,
        )
        # A removal changes the rules, and exposure is judged for each hostname that they name.
        hostname = places[0].hostname
        await self._hold(
            "preview of a removal",
            lambda: act(
                self._hass, entry, "sync", hostname=hostname, remove=True, dry_run=True
            ),
        )
        # No two devices have the same name.
        numbers = count()
        await self._change(
            "create a certificate",
            lambda: act(
                self._hass,
                entry,
                "mint_certificate",
                name=f"New {next(numbers)}",
                hostname=hostname,
            ),
        )
        subentry_id = next(iter(entry.subentries))
        for service in ("turn_off", "turn_on"):
            await self._change(
                f"publish, {service}",
                partial(self._switch, service, subentry_id),
                subentry_id,
            )

    async def _add_devices(self, size: Size, places: Sequence[Place]) -> None:
        """Add the devices one by one, each to one of the limited hostnames."""
        limited = [place.hostname for place in places if place.is_limited]
        # The first is for another one: what its visit meets there is no news later.
        hostnames = [places[0].hostname, *limited * size.devices][: size.devices]
        for number, hostname in enumerate(hostnames):
            await pass_time(self._cloudflare)
            await act(
                self._hass,
                self._entry,
                "mint_certificate",
                name=f"Device {number}",
                key_type="ec_p256",
                hostname=hostname,
            )
        await settle(self._hass)

    async def _switch(self, service: str, subentry_id: str) -> None:
        """Turn the switch of a hostname on or off."""
        registry = er.async_get(self._hass)
        entity_id = registry.async_get_entity_id(
            "switch", DOMAIN, f"{subentry_id}_published"
        )
        await self._hass.services.async_call(
            "switch", service, {"entity_id": entity_id}, blocking=True
        )

    async def _change(
        self, name: str, action: Action, subentry_id: str | None = None
    ) -> None:
        """Measure a change of one subentry, and count the states of others that change with it."""
        others = self._entity_ids_except(subentry_id)
        changed: list[str] = []

        @callback
        def note(event: Event[EventStateChangedData]) -> None:
            if event.data["entity_id"] in others:
                changed.append(event.data["entity_id"])

        stop = self._hass.bus.async_listen(EVENT_STATE_CHANGED, note)
        await self._hold(name, action, rounds=1 if subentry_id else ROUNDS)
        stop()
        self.all_within_budget &= within_budget(
            f"  {name}: state changes of others", len(changed), 0
        )

    def _entity_ids_except(self, subentry_id: str | None) -> set[str]:
        """Return the entities of all tunnels and subentries but one; not the account's own."""
        account_id = self._cloudflare.facts["account_id"]
        return {
            item.entity_id
            for item in er.async_entries_for_config_entry(
                er.async_get(self._hass), self._entry.entry_id
            )
            if not item.unique_id.startswith(account_id)
            and (subentry_id is None or item.config_subentry_id != subentry_id)
        }

    async def _calls(self, name: str, action: Action, budget: int) -> list[str]:
        """Count an action's calls to Cloudflare, and return their URLs."""
        await pass_time(self._cloudflare)
        with recorded_urls(self._hass) as urls:
            await action()
        self.all_within_budget &= within_budget(f"  {name}: calls", len(urls), budget)
        return urls

    async def _cpu(
        self, name: str, action: Action, urls: list[str], budget: float | None = None
    ) -> None:
        """Compare this process's CPU time with a bare client's; in turn, so that both meet the same machine."""
        token = self._cloudflare.facts["token"]
        used, bare = [], []
        for _ in range(CPU_ROUNDS):
            used.append(await self._cpu_of(action))
            bare.append(
                await self._cpu_of(lambda: fetch_and_decode(self._hass, token, urls))
            )
        # Other load can only add to a time: the lowest counts.
        ratio = min(used) / min(bare)
        print(
            f"  {name}: CPU {min(used) * 1000:.1f} ms, bare client {min(bare) * 1000:.1f} ms"
        )
        self.all_within_budget &= within_budget(
            f"  {name}: CPU of a bare client", ratio, budget, " times"
        )

    async def _cpu_of(self, action: Action) -> float:
        """Return the seconds of CPU time that this process uses for an action."""
        await pass_time(self._cloudflare)
        start = time.process_time()
        await action()
        return time.process_time() - start

    async def _hold(
        self,
        name: str,
        action: Action,
        rounds: int = 1,
        budget: float | None = HOLD_MS,
    ) -> None:
        """Measure the longest hold of the loop; of several rounds, the median counts."""
        holds: list[Hold] = []
        for _ in range(rounds):
            await pass_time(self._cloudflare)
            # Keep older objects out of the garbage collections during the measurement.
            gc.collect()
            gc.freeze()
            async with longest_hold() as hold:
                await action()
                await settle(self._hass)
            holds.append(hold)
        seconds = statistics.median(hold.seconds for hold in holds)
        kept = within_budget(f"  {name}: longest hold", seconds * 1000, budget, " ms")
        if not kept:
            print(f"    by {max(holds, key=lambda hold: hold.seconds).culprit}")
        self.all_within_budget &= kept

    async def _refresh_all(self) -> None:
        """Refresh everything that is watched at least every quarter of an hour."""
        data = self._entry.runtime_data
        await data.protection.async_refresh()
        await self._an_hour_later(data.tunnels.async_refresh)

    async def _an_hour_later(self, action: Action) -> None:
        """Run an action an hour later, when the connectors have to be read again."""
        self._ahead += timedelta(hours=1)
        with ahead(self._ahead):
            await action()


def _call_budgets(size: Size) -> tuple[int, int, int]:
    """Return how many calls each refresh may cost: one per page of a list, one per other read."""
    certificates = max(size.zones, ceil((size.certificates + size.devices) / 50))
    # Each zone, its rules, its associations, one page of records.
    protection = 4 * size.zones + certificates + min(size.hostnames, size.tunnels)
    tunnels = ceil(size.tunnels / 100)
    return protection, tunnels, tunnels + size.tunnels


async def run(size: Size) -> bool:
    """Measure an account of a size, and return whether all figures are within budget."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Cloudflare.run(Path(folder)) as cloudflare,
            # A new certificate is tried for long where nothing answers.
            home(cloudflare, visits=bool(size.devices)) as hass,
        ):
            places = await fill(cloudflare, size)
            entry = account(cloudflare, places, keep_in_sync=False)
            load = Load(cloudflare, hass, entry)
            await load.measure(size, places)
    return load.all_within_budget


async def main() -> bool:
    """Measure each size, and return whether all figures are within budget."""
    return all([await run(size) for size in (SMALL, LARGE, WIDE)])


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))
