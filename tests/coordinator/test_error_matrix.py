"""Tests of bad days: each call of a refresh meets each fault, for an hour."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
import logging
import os
import re
import time
from types import MappingProxyType
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
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
from tests.coordinator.changes_at_cloudflare import (
    allow,
    ask_for_a_login,
    block,
    close_websockets,
    degrade,
    disconnect,
    fight_bots,
    revoke,
    run_a_worker,
    unassociate,
    unrecord,
    unrule,
    unserve,
)
from tests.error_matrix import documented, write

STATUS = "sensor.home_tunnel_status"
CONNECTIONS = "sensor.home_connections"
DRIFT = "binary_sensor.home_mobile_example_com_drift"
CERTIFICATE = "sensor.pixel_8_certificate_status"
BLOCKED = "sensor.home_mobile_example_com_blocked_requests"

FAULTS = [str(kind) for kind in FaultKind if kind is not FaultKind.STALE]
# The client waits for half a minute.
_WAITED = {FaultKind.TIMEOUT_AFTER: 31, FaultKind.DELAY: 6}
_STEP, _STEPS = timedelta(minutes=5), 12
_OUTAGE = ["ERROR", "INFO"]


@dataclass(frozen=True)
class Row:
    """A call of a refresh, the entity that shows its answer, and a change at Cloudflare."""

    path: str
    entity: str
    key: str
    change: Callable[[Sandbox], Callable[[], object]]
    before: str
    after: str
    method: str = "GET"
    every: timedelta = timedelta(minutes=15)
    unseen: frozenset[str] = frozenset({"unavailable", "unknown"})

    def shown(self, hass: HomeAssistant) -> str:
        """Return the state that a person sees."""
        return state_of(hass, self.entity)


@dataclass(frozen=True)
class Repair(Row):
    """A call whose answer opens a repair, or does not."""

    every: timedelta = timedelta(hours=6)
    unseen: frozenset[str] = frozenset({"quiet"})

    def shown(self, hass: HomeAssistant) -> str:
        """Return whether the repair is there."""
        return "reported" if self.entity in reported(hass) else "quiet"


_ACCOUNT = f"/accounts/{Sandbox.account_id}"
_ZONE = f"/zones/{Sandbox.zone_id}"
_TUNNELS = f"{_ACCOUNT}/cfd_tunnel"
_TUNNEL = f"{_TUNNELS}/{Sandbox.tunnel_id}"

ROWS = {
    "zone": Row(_ZONE, DRIFT, "result.name", unrecord, "off", "on"),
    "DNS records": Row(
        f"{_ZONE}/dns_records", DRIFT, "result.0.type", unrecord, "off", "on"
    ),
    "custom rules": Row(
        f"{_ZONE}/rulesets/phases/*", DRIFT, "result.id", unrule, "off", "on"
    ),
    "associations": Row(
        f"{_ZONE}/certificate_authorities/hostname_associations",
        DRIFT,
        "result",
        unassociate,
        "off",
        "on",
    ),
    "client certificates": Row(
        f"{_ZONE}/client_certificates",
        CERTIFICATE,
        "result.0.certificate",
        revoke,
        "active",
        "revoked",
    ),
    "tunnels": Row(_TUNNELS, STATUS, "result.0.id", degrade, "healthy", "degraded"),
    "connections": Row(
        f"{_TUNNEL}/connections", CONNECTIONS, "result.0.id", disconnect, "4", "2"
    ),
    "configuration": Row(
        f"{_TUNNEL}/configurations", DRIFT, "result.config", unserve, "off", "on"
    ),
    "firewall events": Row(
        "/graphql",
        BLOCKED,
        "data.viewer.zones",
        block,
        "0",
        "1",
        method="POST",
    ),
    "zone settings": Repair(
        f"{_ZONE}/settings/websockets",
        "check_websockets_off",
        "result.value",
        close_websockets,
        "quiet",
        "reported",
    ),
    "bot management": Repair(
        f"{_ZONE}/bot_management",
        "check_bot_fight_mode",
        "result.fight_mode",
        fight_bots,
        "quiet",
        "reported",
    ),
    "IP Access rules": Repair(
        f"{_ZONE}/firewall/access_rules/rules",
        "check_ip_access_allow",
        "result.0.id",
        allow,
        "quiet",
        "reported",
    ),
    "Workers": Repair(
        f"{_ZONE}/workers/routes",
        "check_workers",
        "result.0.id",
        run_a_worker,
        "quiet",
        "reported",
    ),
    "Access applications": Repair(
        f"{_ACCOUNT}/access/apps",
        "check_access_login",
        "result.0.id",
        ask_for_a_login,
        "quiet",
        "reported",
    ),
}
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


@asynccontextmanager
async def _patience(
    freezer: FrozenDateTimeFactory, fault: Fault, seconds: int
) -> AsyncIterator[None]:
    """Let time pass while a request waits for its answer; nothing else moves this clock."""

    async def pass_time() -> None:
        seen = fault.calls
        while True:
            await asyncio.to_thread(time.sleep, 0.02)
            if fault.calls > seen:
                # By then all other answers have arrived.
                await asyncio.to_thread(time.sleep, 0.15)
                seen = fault.calls
                freezer.tick(seconds)

    task = asyncio.create_task(pass_time())
    try:
        yield
    finally:
        task.cancel()


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
        patience = _WAITED.get(fault.kind) if fault else None
        async with (
            _patience(self._freezer, fault, patience)
            if fault and patience
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
    hass: HomeAssistant,
    sandbox: Sandbox,
    settings: dict[str, Any],
    entry: MockConfigEntry,
    entity_registry: er.EntityRegistry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    """The outcome of every fault is that of docs/error-matrix.md."""
    caplog.set_level("INFO")
    await add_known_certificate(hass, entry, sandbox)
    enable_blocked_requests(entity_registry, hass, entry)
    await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    # From here on nothing is fixed, so that drift stays visible.
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

    cells = [await day.play(name, FaultKind(fault)) for fault in FAULTS]
    await lose_another_zone(hass, sandbox, entry, day)
    cells.append(await day.play(name, None))

    if os.environ.get("ERROR_MATRIX") == "write":
        write([*FAULTS, "another_domain_gone"], {name: cells})
    assert [cell for cell in cells if cell.startswith("**")] == []
    assert cells == documented()[name]
