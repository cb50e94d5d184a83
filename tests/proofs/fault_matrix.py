"""The fault matrix: how a run ends when one fault hits one of its calls.

`scripts/docs fault-matrix` tries every fault on every call of every scenario, and writes
docs/fault-matrix.md.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
import logging
from pathlib import Path
import signal
from typing import Final

from custom_components.cloudflare_mtls.engine.sync.settings import HostnameSettings
from demo.report import say
from sandbox.faults import FaultKind
from tests.engine.builders import protected

from .call_faults import CallFault, Kill, NoAnswer, ZoneGone
from .endpoint import Endpoint
from .home import on_sandbox_time
from .home_process import HomeProcess
from .resettable_sandbox import ResettableSandbox
from .scenario_runner import Call, ScenarioRunner
from .scenarios import SCENARIOS, Scenario
from .time_skipping import time_skipping_runner

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "fault-matrix.md"

_KILLS: Final = {
    "killed before": FaultKind.RESET_BEFORE,
    "killed after": FaultKind.RESET_AFTER,
}
_ANOTHER_ZONE_GONE: Final = "another zone gone"
COLUMNS: Final = (*(str(kind) for kind in FaultKind), *_KILLS, _ANOTHER_ZONE_GONE)

_LATE_ANSWERS: Final = 0.05

# The keys that are missing or mistyped in an answer, by the end of its path.
_RULES: Final = ("result.id", "result.rules", "result.rules.0.expression")
_KEYS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("GET", "/zones/{zone}"): ("result.id", "result.account"),
    ("GET", "entrypoint"): _RULES,
    ("POST", "rulesets"): _RULES,
    ("POST", "rules"): _RULES,
    ("PATCH", "{rule}"): _RULES,
    ("DELETE", "{rule}"): _RULES,
    ("GET", "hostname_associations"): ("result.hostnames",),
    ("PUT", "hostname_associations"): ("result.hostnames",),
    ("GET", "dns_records"): ("result", "result.0.name", "result.0.type"),
    ("POST", "dns_records"): ("result.id",),
    ("PATCH", "{record}"): ("result.id",),
    ("DELETE", "{record}"): ("result.id",),
    ("GET", "{tunnel}"): ("result.id", "result.config_src"),
    ("GET", "configurations"): ("result.config", "result.config.ingress"),
    ("PUT", "configurations"): ("result.config", "result.config.ingress"),
    ("POST", "client_certificates"): ("result.id", "result.certificate"),
    ("GET", "client_certificates"): ("result.0.id", "result.0.certificate"),
    ("GET", "verify"): ("result.status",),
}


@dataclass
class Cell:
    """How runs ended that met one kind of fault at one call."""

    results: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return each result once, in bold if an invariant was violated."""
        text = " or ".join(dict.fromkeys(self.results))
        return f"**{text}**" if self.violations else text


async def try_row(
    scenarios: ScenarioRunner,
    scenario: Scenario,
    call: Call,
    columns: Iterable[str] = COLUMNS,
) -> dict[str, Cell]:
    """Return the cell of every column for one call."""
    cells = {column: Cell() for column in columns}
    for column, cell in cells.items():
        for fault in _faults(call, column):
            await _try_fault(scenarios, scenario, fault, cell)
    return cells


def _add_another_zone(sandbox: ResettableSandbox, fault: ZoneGone) -> HostnameSettings:
    """Add the zone that the fault will purge, and return a hostname there."""
    zones = sandbox.state.zones
    # Zones are synced in the order of their ids: this one comes last.
    zone = sandbox.state.add_zone("example.org", id="f" * 32)
    fault.zone_id = zone.id
    fault.edit = lambda: zones.pop(zone.id, None)
    cabin = replace(protected("cabin-mobile.example.org"), published=False)
    return HostnameSettings(zone_id=zone.id, protected=cabin, keep_in_sync=True)


async def _try_fault(
    scenarios: ScenarioRunner, scenario: Scenario, fault: CallFault, cell: Cell
) -> None:
    """Let a run meet the fault, and further runs fix what it left."""
    monitor = await scenarios.set_up(scenario, fault)
    elsewhere = (
        [_add_another_zone(scenarios.sandbox, fault)]
        if isinstance(fault, ZoneGone)
        else []
    )
    home = scenarios.new_home(scenario, *elsewhere)
    if isinstance(fault, Kill):
        outcome = await _run_until_killed(scenarios.sandbox, scenario, fault)
    else:
        outcome = (await scenario.job.run(home)).outcome
    assert fault.happened
    scenarios.sandbox.faults.clear()
    creates = scenario.job.kind == "create_certificate"
    has_created = creates and outcome == "finished"
    further = 0 if has_created else await scenarios.recover(scenario, home)
    cell.results.append(f"{outcome}, {further}")
    cell.violations += monitor.violations
    if further > 1:
        cell.violations.append(f"not in sync after {further} runs")
    cell.violations += scenarios.final_violations(scenario, monitor)
    cell.violations += await scenarios.unusable_certificates(home)
    if isinstance(fault, ZoneGone):
        # Of reads that are made at once, the others end after the one that failed.
        await asyncio.sleep(_LATE_ANSWERS)


async def _run_until_killed(
    sandbox: ResettableSandbox, scenario: Scenario, fault: Kill
) -> str:
    process = HomeProcess(sandbox.token, sandbox.api_url, scenario.job)
    fault.pid = lambda: process.pid
    assert await process.run() == -signal.SIGKILL
    return "killed"


def _faults(call: Call, column: str) -> list[CallFault]:
    """Return the faults of a column for a call; each needs a run of its own."""
    endpoint, nth = call.endpoint, call.nth
    if column == _ANOTHER_ZONE_GONE:
        return [ZoneGone(FaultKind.DELAY, first=nth, endpoint=endpoint)]
    if (kind := _KILLS.get(column)) is not None:
        # The delay lets the whole request arrive first.
        return [Kill(kind, first=nth, seconds=0.01, endpoint=endpoint)]
    kind = FaultKind(column)
    match kind:
        case FaultKind.TIMEOUT_AFTER:
            return [NoAnswer(kind, first=nth, endpoint=endpoint)]
        case FaultKind.DELAY:
            return [CallFault(kind, first=nth, seconds=0.02, endpoint=endpoint)]
        case FaultKind.MISSING | FaultKind.MISTYPED:
            return [
                CallFault(kind, first=nth, key=key, endpoint=endpoint)
                for key in _keys(endpoint)
            ]
        case _:
            return [CallFault(kind, first=nth, endpoint=endpoint)]


def _keys(endpoint: Endpoint) -> Sequence[str]:
    method, path = endpoint.method, endpoint.path
    return _KEYS.get((method, path)) or _KEYS[method, path.rpartition("/")[2]]


_INTRODUCTION: Final = """# Fault matrix

Each row is a call of a run, each column a fault that hits this call. A cell says how the run ended, and how many further runs
had something to do until nothing was left: `finished, 0` is a run that the fault did not harm. An error is the one that
stopped the run; what it had not done by then was left as it was. A tunnel that cannot be read stops no run: what concerns it is
left for the next one. `killed` is a process that got SIGKILL, before or after
Cloudflare did what the call asks. If several keys of an answer can be missing or mistyped, each is tried. In the last column
the run is for hostnames in two zones, and the other zone is gone from this call on: that costs nothing here.
A user who is not an administrator starts no run at all: the last row of the error matrix tries that.

After every write of every run: no request without a good certificate gets in that did not before, and nothing foreign was
changed. In the end: nothing of ours exists twice, devices get in (or nothing of ours is left), no key has two active
certificates, and every certificate that was returned is for its device's key and lets the device in. **If one of these
promises is broken, the cell is bold.**

`reset_before` loses the call and `reset_after` its answer, `timeout_after` never answers, and `stale` shows the state before
the last change, or confirms a write that is lost. A second call of an endpoint, `(2)`, checks what the run wrote.

Logins by Cloudflare Access are tried without a table: each call of their set-up, change and end in
`tests/engine/access/test_faults.py`, each read after each stop in `tests/coordinator/test_login_stops.py`, and a real process that
is killed at each write in `tests/proofs/test_killed_during_logins.py`.

Written by `scripts/docs fault-matrix`; the tests try every cell and compare.
"""


def render(rows: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """Return the document; the cells of each call are given by scenario."""
    parts = [_INTRODUCTION]
    for scenario, calls in rows.items():
        lines = [
            f"\n## {scenario}\n",
            f"| call | {' | '.join(COLUMNS)} |",
            f"|{'---|' * (len(COLUMNS) + 1)}",
            *(f"| `{call}` | {' | '.join(cells)} |" for call, cells in calls.items()),
        ]
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def documented() -> dict[str, dict[str, list[str]]]:
    """Return the cells of each call by scenario, as the document has them."""
    rows: dict[str, dict[str, list[str]]] = {}
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("## "):
            rows[line.removeprefix("## ")] = {}
        elif line.startswith("| `"):
            call, *cells = line.strip("| ").split(" | ")
            rows[list(rows)[-1]][call.strip("`")] = cells
    return rows


async def _main() -> None:
    rows: dict[str, dict[str, list[str]]] = {}
    async with ScenarioRunner.running() as scenarios:
        for scenario in SCENARIOS:
            rows[scenario.name] = {}
            for call in await scenarios.calls(scenario):
                cells = await try_row(scenarios, scenario, call)
                rows[scenario.name][str(call)] = [str(cell) for cell in cells.values()]
                say(f"{scenario.name}: {call}")
                for column, cell in cells.items():
                    for violation in cell.violations:
                        say(f"    {column}: {violation}")
    DOCUMENT.write_text(render(rows))


if __name__ == "__main__":
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with time_skipping_runner() as runner, on_sandbox_time():
        runner.run(_main())
