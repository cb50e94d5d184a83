"""Every call of every scenario, met by every fault: what becomes of the run.

`python -m tests.proofs.fault_matrix` writes docs/fault-matrix.md anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
import logging
from pathlib import Path
import signal
from typing import Final

from demo.report import say
from sandbox.faults import FaultKind

from .cloud import Cloud
from .hasty import Hang, hasty_runner
from .home import on_sandbox_time
from .mortal import Mortal
from .scenarios import SCENARIOS, Scenario
from .stage import Call, Stage
from .trouble import At, Endpoint, Kill

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "fault-matrix.md"

_KILLS: Final = {
    "killed before": FaultKind.RESET_BEFORE,
    "killed after": FaultKind.RESET_AFTER,
}
TROUBLES: Final = (*(str(kind) for kind in FaultKind), *_KILLS)

# What is left out of an answer, or has another type.
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
    ("GET", "configurations"): ("result.config", "result.config.ingress"),
    ("PUT", "configurations"): ("result.config", "result.config.ingress"),
    ("POST", "client_certificates"): ("result.id", "result.certificate"),
    ("GET", "client_certificates"): ("result.0.id", "result.0.certificate"),
    ("GET", "verify"): ("result.status",),
}


@dataclass
class Cell:
    """What becomes of a run that meets a fault."""

    results: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Write each result once; a broken promise stands out."""
        text = " or ".join(dict.fromkeys(self.results))
        return f"**{text}**" if self.violations else text


async def play_row(
    stage: Stage, scenario: Scenario, call: Call, troubles: Iterable[str] = TROUBLES
) -> dict[str, Cell]:
    """Return what every trouble makes of a call."""
    cells = {trouble: Cell() for trouble in troubles}
    for trouble, cell in cells.items():
        for fault in _faults(call, trouble):
            await _play(stage, scenario, fault, cell)
    return cells


async def _play(stage: Stage, scenario: Scenario, fault: At, cell: Cell) -> None:
    """Let the fault happen to a run, and the next runs fix what it left."""
    witness = await stage.begin(scenario, fault)
    home = stage.home(scenario)
    if isinstance(fault, Kill):
        ended = await _die(stage.cloud, scenario, fault)
    else:
        ended = (await scenario.order.carry_out(home)).ended
    assert fault.struck
    stage.cloud.sandbox.faults.clear()
    minted = scenario.order.deed == "mint" and ended == "finished"
    further = 0 if minted else await stage.recover(scenario, home)
    cell.results.append(f"{ended}, {further}")
    cell.violations += witness.violations
    if further > 1:
        cell.violations.append(f"not in sync after {further} runs")
    cell.violations += stage.unfinished(scenario, witness)
    cell.violations += await stage.useless(home)


async def _die(cloud: Cloud, scenario: Scenario, fault: Kill) -> str:
    mortal = Mortal(cloud.sandbox.token, cloud.sandbox.api_url, scenario.order)
    fault.pid = lambda: mortal.pid
    assert await mortal.live() == -signal.SIGKILL
    return "killed"


def _faults(call: Call, trouble: str) -> list[At]:
    """Return the faults that make this trouble for a call, each for a run of its own."""
    endpoint, nth = call.endpoint, call.nth
    if (kind := _KILLS.get(trouble)) is not None:
        # By then the whole of its request has come.
        return [Kill(kind, first=nth, seconds=0.01, endpoint=endpoint)]
    kind = FaultKind(trouble)
    match kind:
        case FaultKind.TIMEOUT_AFTER:
            return [Hang(kind, first=nth, endpoint=endpoint)]
        case FaultKind.DELAY:
            return [At(kind, first=nth, seconds=0.02, endpoint=endpoint)]
        case FaultKind.MISSING | FaultKind.MISTYPED:
            return [
                At(kind, first=nth, key=key, endpoint=endpoint)
                for key in _keys(endpoint)
            ]
        case _:
            return [At(kind, first=nth, endpoint=endpoint)]


def _keys(endpoint: Endpoint) -> Sequence[str]:
    method, path = endpoint.method, endpoint.path
    return _KEYS.get((method, path)) or _KEYS[method, path.rpartition("/")[2]]


_INTRODUCTION: Final = """# Fault matrix

Every call of a run, met by every fault: how the run ended, and how many further runs had something to do until nothing was
left. `finished, 0` is a run that took no harm. An error is one that stopped: whatever was not done by then stayed as it was.
`killed` is a process that got SIGKILL, before or after Cloudflare did what the call asks. Where an answer can be spoiled in
several places, each is tried.

In every one of these runs, after every write: no request without a good certificate got in that did not before, and nothing
foreign was changed. In the end: nothing of ours is there twice, devices get in (or nothing of ours is left), no request for
a certificate has two active ones, and what was reported as minted is for its device's key and lets it in. **Where one of
these promises is broken, the cell is bold.**

Of the faults, `reset_before` lost the call and `reset_after` its answer, `timeout_after` never gave one, and `stale` shows
what was before the last change, or confirms a write that is lost. A second observation, `(2)`, checks what a run wrote.

Written by `python -m tests.proofs.fault_matrix`; the tests play it all again, and compare.
"""


def render(rows: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """Write the document: the cells of each call, by scenario."""
    parts = [_INTRODUCTION]
    for scenario, calls in rows.items():
        lines = [
            f"\n## {scenario}\n",
            f"| call | {' | '.join(TROUBLES)} |",
            f"|{'---|' * (len(TROUBLES) + 1)}",
            *(f"| `{call}` | {' | '.join(cells)} |" for call, cells in calls.items()),
        ]
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def documented() -> dict[str, dict[str, list[str]]]:
    """Read the document: the cells of each call, by scenario."""
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
    async with Stage.running() as stage:
        for scenario in SCENARIOS:
            rows[scenario.name] = {}
            for call in await stage.calls(scenario):
                cells = await play_row(stage, scenario, call)
                rows[scenario.name][str(call)] = [str(cell) for cell in cells.values()]
                say(f"{scenario.name}: {call}")
                for trouble, cell in cells.items():
                    for violation in cell.violations:
                        say(f"    {trouble}: {violation}")
    DOCUMENT.write_text(render(rows))


if __name__ == "__main__":
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with hasty_runner() as runner, on_sandbox_time():
        runner.run(_main())
