"""Every call of every scenario, met by every fault: what becomes of the run.

`python -m tests.proofs.fault_matrix` writes docs/fault-matrix.md anew.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
import logging
from pathlib import Path
import signal
import time
from typing import Final, Self

from demo.report import say
from sandbox.faults import FaultKind
from sandbox.state import REVOKED, State

from .cloud import Cloud
from .dashboard import HOME
from .hasty import Hang, hasty_runner
from .home import Home, without_pauses
from .mortal import Mortal
from .scenarios import SCENARIOS, Scenario
from .trouble import At, Endpoint, Kill
from .witness import Witness, doubles, reaches, remains

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "fault-matrix.md"

_KILLS: Final = {
    "killed before": FaultKind.RESET_BEFORE,
    "killed after": FaultKind.RESET_AFTER,
}
TROUBLES: Final = (*(str(kind) for kind in FaultKind), *_KILLS)

# One more run is to be enough; after so many, none will be.
_MAX_RUNS: Final = 4

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


@dataclass(frozen=True)
class Call:
    """The n-th call of an endpoint in a run."""

    endpoint: Endpoint
    nth: int

    def __str__(self) -> str:
        """Name it."""
        again = f" ({self.nth})" if self.nth > 1 else ""
        return f"{self.endpoint.method} {self.endpoint.path}{again}"

    def faults(self, trouble: str) -> list[At]:
        """Return the faults that make this trouble for the call, each for a run of its own."""
        if (death := _KILLS.get(trouble)) is not None:
            # By then the whole of its request has come.
            return [Kill(death, first=self.nth, seconds=0.01, endpoint=self.endpoint)]
        keys: Sequence[str] = [""]
        if trouble in (FaultKind.MISSING, FaultKind.MISTYPED):
            method, path = self.endpoint.method, self.endpoint.path
            keys = _KEYS.get((method, path)) or _KEYS[method, path.rpartition("/")[2]]
        kind = Hang if trouble == FaultKind.TIMEOUT_AFTER else At
        return [
            kind(
                FaultKind(trouble),
                first=self.nth,
                key=key,
                seconds=0.02 if trouble == FaultKind.DELAY else 0,
                endpoint=self.endpoint,
            )
            for key in keys
        ]


@dataclass
class Cell:
    """What becomes of a run that meets a fault."""

    results: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Write each result once; broken promises stand out."""
        text = " or ".join(dict.fromkeys(self.results))
        return f"**{text}: breaks a promise**" if self.violations else text


class Matrix:
    """Plays scenarios on one sandbox."""

    def __init__(self, cloud: Cloud) -> None:
        """Take a sandbox, and whatever is in it."""
        self._cloud = cloud
        self._states: dict[str, tuple[State, State]] = {}

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator[Self]:
        """Run the sandbox."""
        with without_pauses():
            async with Cloud.running() as cloud:
                yield cls(cloud)

    async def calls(self, scenario: Scenario) -> list[Call]:
        """Return the calls of a run that only standing faults happen to, in their order."""
        await self._begin(scenario)
        await scenario.order.carry_out(self._home(scenario))
        seen: list[Endpoint] = []
        calls = []
        requests = self._cloud.sandbox.journal.requests
        for _, together in groupby(requests, lambda entry: entry.write):
            # Reads that are made at once come in any order.
            for entry in sorted(together, key=lambda entry: entry.path):
                endpoint = Endpoint.of(entry.method, entry.path)
                seen.append(endpoint)
                if scenario.only in (None, endpoint):
                    calls.append(Call(endpoint, seen.count(endpoint)))
        return calls

    async def row(self, scenario: Scenario, call: Call) -> dict[str, Cell]:
        """Return what every trouble makes of a call."""
        return {name: await self.cell(scenario, call, name) for name in TROUBLES}

    async def cell(self, scenario: Scenario, call: Call, trouble: str) -> Cell:
        """Return what one trouble makes of a call."""
        cell = Cell()
        for fault in call.faults(trouble):
            await self._play(scenario, fault, cell)
        return cell

    async def _play(self, scenario: Scenario, fault: At, cell: Cell) -> None:
        """Let the fault happen to a run, and the next runs mend what it left."""
        await self._begin(scenario, fault)
        cloud = self._cloud
        witness = Witness(cloud)
        witness.protected = {
            item.hostname: item.exempt_paths for item in scenario.order.hostnames
        }
        witness.begin()
        home = self._home(scenario)
        if isinstance(fault, Kill):
            await self._kill(scenario, fault)
            ended = "killed"
        else:
            ended = (await scenario.order.carry_out(home)).ended
        assert fault.struck
        cloud.sandbox.faults.clear()

        further = await self._recover(scenario, home, ended)
        cell.results.append(f"{ended}, {further}")
        cell.violations += witness.violations
        if further > 1:
            cell.violations.append(f"not in sync after {further} runs")
        cell.violations += self._unfinished(scenario, witness)

    async def _kill(self, scenario: Scenario, fault: Kill) -> None:
        sandbox = self._cloud.sandbox
        mortal = Mortal(sandbox.token, sandbox.api_url, scenario.order)
        fault.pid = lambda: mortal.pid
        assert await mortal.live() == -signal.SIGKILL

    async def _recover(self, scenario: Scenario, home: Home, ended: str) -> int:
        """Run again until nothing is left to do; return how many runs had something to do."""
        mints = scenario.order.deed == "mint"
        if mints and ended == "finished":
            return 0
        for further in range(_MAX_RUNS):
            writes = self._cloud.writes
            run = await scenario.order.carry_out(home)
            if run.done:
                # By then it had seen everything in sync, and nothing was spoiled any more.
                return further + (mints or self._cloud.writes > writes)
        return _MAX_RUNS

    def _unfinished(self, scenario: Scenario, witness: Witness) -> list[str]:
        """Return what is not as it must be in the end."""
        cloud = self._cloud
        left = [f"twice: {thing}" for thing in doubles(cloud, witness.protected)]
        left += [f"open: {hostname}" for hostname in witness.open_hostnames()]
        match scenario.order.deed:
            case "sync":
                left += [
                    f"unreachable: {item.hostname}"
                    for item in scenario.order.hostnames
                    if not reaches(cloud, item)
                ]
            case "take_down":
                left += [f"left behind: {thing}" for thing in remains(cloud, HOME)]
            case "mint":
                keys = [
                    record.certificate.public_key()
                    for record in cloud.zone.certificates.values()
                    if record.status not in REVOKED
                ]
                left += [
                    f"two certificates: {key}" for key in keys if keys.count(key) > 1
                ]
        return left

    async def _begin(self, scenario: Scenario, fault: At | None = None) -> None:
        """Stage the scenario's beginning, with its faults and perhaps another."""
        cloud, faults = self._cloud, self._cloud.sandbox.faults
        cloud.listeners.clear()
        start, earlier = await self._prepared(scenario)
        cloud.restore(earlier)
        for each in (*scenario.standing(), fault):
            if each is not None:
                faults.add(each)
        # To a stale read, the change from the earlier state was the last write.
        faults.take("POST", "/")
        cloud.become(start)

    async def _prepared(self, scenario: Scenario) -> tuple[State, State]:
        if scenario.name not in self._states:
            states = []
            for prepare in (scenario.prepare, scenario.earlier):
                self._cloud.restore()
                await prepare(self._cloud)
                states.append(self._cloud.snapshot())
            start, earlier = states
            self._states[scenario.name] = start, earlier
        return self._states[scenario.name]

    def _home(self, scenario: Scenario) -> Home:
        return Home(
            self._cloud.sandbox.token,
            self._cloud.sandbox.api_url,
            *scenario.order.hostnames,
            http_client=self._cloud.http_client,
        )


_INTRODUCTION: Final = """# Fault matrix

Every call of a run, met by every fault: how the run ended, and how many further runs had something to do until nothing was
left. `finished, 0` is a run that took no harm. An error is one that stopped: whatever was not done by then stayed as it was.
`killed` is a process that got SIGKILL, before or after Cloudflare did what the call asks. Where an answer can be spoiled in
several places, each is tried.

In every one of these runs, after every write: no request without a good certificate got in that did not before, and nothing
foreign was changed. In the end: nothing of ours is there twice, devices get in (or nothing of ours is left), and no request
for a certificate has two active ones.

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
    async with Matrix.running() as matrix:
        for scenario in SCENARIOS:
            rows[scenario.name] = {}
            for call in await matrix.calls(scenario):
                started = time.monotonic()
                cells = await matrix.row(scenario, call)
                rows[scenario.name][str(call)] = [str(cell) for cell in cells.values()]
                say(f"{time.monotonic() - started:5.1f} s  {scenario.name}: {call}")
                for trouble, cell in cells.items():
                    for violation in cell.violations:
                        say(f"         {trouble}: {violation}")
    DOCUMENT.write_text(render(rows))


if __name__ == "__main__":
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with hasty_runner() as runner:
        runner.run(_main())
