"""Tests of bad days: each call of a refresh meets each fault, for an hour."""

from collections import defaultdict
from contextlib import nullcontext
from datetime import timedelta
import logging
import os
import re
from types import MappingProxyType
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from sandbox.faults import Fault, FaultKind
from tests.common import (
    add_known_certificate,
    companion,
    enable_blocked_requests,
    reported,
    settle,
    state_of,
)
from tests.coordinator.watched_calls import CERTIFICATE, DRIFT, ROWS, STATUS, Row
from tests.error_matrix import documented, write
from tests.other_users import try_everything
from tests.patience import patience

FAULTS = [str(kind) for kind in FaultKind if kind is not FaultKind.STALE]
COLUMNS = [*FAULTS, "another_domain_gone"]
# The client waits for half a minute.
_WAITED = {FaultKind.TIMEOUT_AFTER: 31, FaultKind.DELAY: 6}
_STEP, _STEPS = timedelta(minutes=5), 12
_OUTAGE = ["ERROR", "INFO"]


_TUNNEL_ROWS = {"tunnels", "connections"}
# Each takes half a minute, and the other calls behave like these.
_BY_DAY = {
    "custom rules",
    "client certificates",
    "tunnels",
    "connections",
    "firewall events",
    "zone settings",
}


class Day:
    """A home on a bad day."""

    def __init__(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        freezer: FrozenDateTimeFactory,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Prepare a day of a home with these faults."""
        self._hass = hass
        self._sandbox = sandbox
        self._freezer = freezer
        self._caplog = caplog

    async def step(self, interval: timedelta, fault: Fault | None = None) -> None:
        """Let time pass until the next refresh is over."""
        seconds = _WAITED.get(fault.kind) if fault else None
        async with (
            patience(self._freezer, fault, seconds)
            if fault and seconds
            else nullcontext()
        ):
            self._freezer.tick(interval)
            async_fire_time_changed(self._hass)
            await settle(self._hass)

    async def play(self, name: str, kind: FaultKind | None) -> str:
        """Return what an hour with a fault shows, with mistakes in bold.

        Without a fault of its calls, another domain of the account is gone.
        """
        row, hass, sandbox = ROWS[name], self._hass, self._sandbox
        wrong = []
        if row.shown(hass) != row.before:
            wrong.append(f"began as {row.shown(hass)}")
        self._caplog.clear()
        sandbox.journal.clear()
        fault = sandbox.faults.add(_fault(row, kind)) if kind else None
        back = row.change(sandbox)
        # The connections of a tunnel that did not change are read less often.
        await self.step(row.every, fault)
        shown = []
        for _ in range(_STEPS):
            await self.step(_STEP, fault)
            shown.append(row.shown(hass))
            wrong += self._bystanders(name)
        states = dict.fromkeys(shown)
        if row.before in states and row.before not in row.unseen:
            wrong.append("stale")
        if not states.keys() <= {row.after, *row.unseen}:
            wrong.append(f"invented: {list(states)}")
        calls = sum(
            entry.path.startswith(row.path.removesuffix("*"))
            and (row.path.endswith("*") or entry.path == row.path)
            for entry in sandbox.journal.requests
        )
        if hass.config_entries.flow.async_progress():
            wrong.append("asked to authenticate")
        back()
        sandbox.faults.clear()
        for _ in range(3):
            await self.step(_STEP)
        if "reported" in states:
            # After a success, data is read as rarely as usual.
            await self.step(row.every)
        if row.shown(hass) != row.before:
            wrong.append(f"ended as {row.shown(hass)}")
        if left := reported(hass) - ({"zone_gone"} if kind is None else set()):
            wrong.append(f"left: {left}")
        wrong += self._lines(kind)
        text = " or ".join("seen" if state == row.after else state for state in states)
        return (
            f"**{text} ({calls}): {'; '.join(dict.fromkeys(wrong))}**"
            if wrong
            else (f"{text} ({calls})")
        )

    def _bystanders(self, name: str) -> list[str]:
        """Return the entities that are unavailable although their own calls succeed."""
        others = [STATUS] if name not in _TUNNEL_ROWS else [DRIFT, CERTIFICATE]
        # A pause stops all calls.
        paused = any(
            fault.kind is FaultKind.RATE_LIMITED
            for fault in self._sandbox.faults.waiting
        )
        return [
            f"{entity} is gone"
            for entity in others
            if state_of(self._hass, entity) in ("unavailable", "unknown") and not paused
        ]

    def _lines(self, kind: FaultKind | None) -> list[str]:
        """Return the log lines beyond one for down and one for up, by coordinator."""
        lines = defaultdict[str, list[str]](list)
        for record in self._caplog.records:
            own = record.name == f"custom_components.{DOMAIN}"
            if own or (
                record.levelno >= logging.WARNING
                and not record.name.startswith(("aiohttp", "asyncio"))
            ):
                # Both lines name it.
                about = re.search(
                    r"\b(protection|tunnels|visits|checks|blocked_requests)\b",
                    record.getMessage(),
                )
                lines[about[0] if about else record.name].append(record.levelname)
        return [
            f"{about} logged {' '.join(levels)}"
            for about, levels in lines.items()
            if levels != _OUTAGE * (len(levels) // 2)
            # Each pause is logged once.
            or (levels != _OUTAGE and kind is not FaultKind.RATE_LIMITED)
        ]


def _fault(row: Row, kind: FaultKind) -> Fault:
    return Fault(
        kind,
        row.method,
        row.path,
        times=None,
        key=row.key,
        seconds=5 if kind is FaultKind.DELAY else 0,
        retry_after=120,
    )


async def lose_another_zone(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, day: Day
) -> None:
    """Protect a hostname in another domain, and have that domain purged at Cloudflare."""
    other = sandbox.state.add_zone("example.org")
    (home,) = entry.get_subentries_of_type("protected_hostname")
    hostname = "cabin-mobile.example.org"
    cabin = ConfigSubentry(
        subentry_type=home.subentry_type,
        title=hostname,
        unique_id=hostname,
        data=MappingProxyType(
            {**home.data, "hostname": hostname, "zone_id": other.id, "published": False}
        ),
    )
    hass.config_entries.async_add_subentry(entry, cabin)
    await settle(hass)
    del sandbox.state.zones[other.id]
    for _ in range(3):
        await day.step(timedelta(minutes=15))
    assert reported(hass) == {"zone_gone"}


@pytest.fixture
async def day(
    hass: HomeAssistant,
    sandbox: Sandbox,
    settings: dict[str, Any],
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> Day:
    """Return a day of a home in which nothing is fixed, so that drift stays visible."""
    caplog.set_level("INFO")
    await add_known_certificate(hass, entry, sandbox)
    enable_blocked_requests(entity_registry, hass, entry)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    (subentry_id,) = (
        item.subentry_id for item in entry.get_subentries_of_type("protected_hostname")
    )
    hass.config_entries.async_update_subentry(
        entry, entry.subentries[subentry_id], data={**settings, "keep_in_sync": False}
    )
    await settle(hass)
    day = Day(hass, sandbox, freezer, caplog)
    # Recent writes no longer replace what is read.
    await day.step(timedelta(minutes=15))
    return day


def compare(name: str, cells: list[str]) -> None:
    """Compare a row with the document, or write it there."""
    if os.environ.get("ERROR_MATRIX") == "write":
        write(COLUMNS, {name: cells})
    assert [cell for cell in cells if cell.startswith("**")] == []
    assert cells == documented()[name]


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=[] if name in _BY_DAY else pytest.mark.nightly, id=name
        )
        for name in ROWS
    ],
)
async def test_bad_days(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, day: Day, name: str
) -> None:
    """The outcome of every fault is that of docs/error-matrix.md."""
    cells = [await day.play(name, FaultKind(fault)) for fault in FAULTS]
    await lose_another_zone(hass, sandbox, entry, day)
    cells.append(await day.play(name, None))

    compare(name, cells)


async def turn_away(hass: HomeAssistant, sandbox: Sandbox, entry: ConfigEntry) -> str:
    """Return how everything ends that a user tries who is not an administrator."""
    sandbox.journal.clear()
    obeyed = await try_everything(hass, entry)
    calls = len(sandbox.journal.requests)
    return f"**obeyed: {obeyed} ({calls})**" if obeyed or calls else "refused (0)"


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
@pytest.mark.usefixtures("hass_owner_user")
async def test_not_an_administrator(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry, day: Day
) -> None:
    """Other users are refused on bad days too, before Cloudflare is asked."""
    cells = []
    for fault in FAULTS:
        sandbox.faults.add(Fault(FaultKind(fault), times=None, key="result"))
        cells.append(await turn_away(hass, sandbox, entry))
        sandbox.faults.clear()
    await lose_another_zone(hass, sandbox, entry, day)
    cells.append(await turn_away(hass, sandbox, entry))

    compare("not an administrator", cells)
