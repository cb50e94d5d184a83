"""Every call of every scenario, met by every fault: as docs/fault-matrix.md has it."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import takewhile

import pytest

from .fault_matrix import TROUBLES, Cell, documented, play_row
from .scenarios import SCENARIOS
from .stage import Stage

_SCENARIOS = {scenario.name: scenario for scenario in SCENARIOS}
_DOCUMENTED = documented()

_RULES = "GET /zones/{zone}/rulesets/phases/http_request_firewall_custom/entrypoint"
_ASSOCIATIONS = "GET /zones/{zone}/certificate_authorities/hostname_associations"
_TUNNEL = "/accounts/{account}/cfd_tunnel/{tunnel}/configurations"

_LEADS = "It leads to a hostname behind rules that were last read before the run"
_RELEASES = "It deletes the block rule without another look at what still leads there"
_EMPTIES = (
    "A list that is missing from the answer counts as empty, and is written back so"
)

# What is known to break a promise, and why.
_BROKEN = {
    ("Build-up", _RULES, "stale"): _LEADS,
    ("Build-up where nothing ever was", _RULES, "stale"): _LEADS,
    ("Tear-down", f"GET {_TUNNEL}", "stale"): _RELEASES,
    ("Tear-down", f"GET {_TUNNEL}", "missing"): _RELEASES,
    ("Tear-down", f"PUT {_TUNNEL}", "stale"): _RELEASES,
    ("Build-up", f"{_ASSOCIATIONS} (2)", "missing"): _EMPTIES,
    ("Build-up", f"GET {_TUNNEL} (2)", "missing"): _EMPTIES,
    ("Mend", f"{_ASSOCIATIONS} (2)", "missing"): _EMPTIES,
    ("Mend", f"GET {_TUNNEL} (2)", "missing"): _EMPTIES,
}


def _rows() -> Iterator[object]:
    """Yield every row; what only checks a run that is over, and rarer scenarios, at night."""
    for name, calls in _DOCUMENTED.items():
        reads = takewhile(lambda call: call.startswith("GET "), reversed(calls))
        checks = set() if _SCENARIOS[name].only else set(reads)
        for call in calls:
            at_night = call in checks or _SCENARIOS[name].nightly
            marks = [pytest.mark.nightly] if at_night else []
            yield pytest.param(name, call, id=f"{name}-{call}", marks=marks)


def _play(
    runner: asyncio.Runner, name: str, named: str, troubles: Iterable[str]
) -> dict[str, Cell]:
    async def play() -> dict[str, Cell]:
        async with Stage.running() as stage:
            scenario = _SCENARIOS[name]
            call = {str(call): call for call in await stage.calls(scenario)}[named]
            return await play_row(stage, scenario, call, troubles)

    return runner.run(play())


@pytest.mark.parametrize("name", _SCENARIOS)
def test_document_has_every_call(runner: asyncio.Runner, name: str) -> None:
    """Document has every call."""

    async def calls() -> list[str]:
        async with Stage.running() as stage:
            return [str(call) for call in await stage.calls(_SCENARIOS[name])]

    assert list(_DOCUMENTED[name]) == runner.run(calls())


@pytest.mark.parametrize(("name", "call"), _rows())
def test_call_meets_every_fault(runner: asyncio.Runner, name: str, call: str) -> None:
    """Call meets every fault."""
    cells = _play(runner, name, call, TROUBLES)
    broken = {
        trouble: cell.violations for trouble, cell in cells.items() if cell.violations
    }
    assert {t: v for t, v in broken.items() if (name, call, t) not in _BROKEN} == {}
    assert [str(cell) for cell in cells.values()] == _DOCUMENTED[name][call]


@pytest.mark.parametrize(
    ("name", "call", "trouble"),
    [
        pytest.param(*cell, marks=pytest.mark.xfail(strict=True, reason=reason))
        for cell, reason in _BROKEN.items()
    ],
)
def test_no_promise_is_broken(
    runner: asyncio.Runner, name: str, call: str, trouble: str
) -> None:
    """No promise is broken."""
    cells = _play(runner, name, call, [trouble])
    assert cells[trouble].violations == []
