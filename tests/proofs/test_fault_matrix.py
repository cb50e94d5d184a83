"""Every cell of docs/fault-matrix.md is tried."""

import asyncio
from collections.abc import Iterator
from itertools import takewhile

import pytest

from .fault_matrix import Cell, documented, try_row
from .scenario_runner import ScenarioRunner
from .scenarios import SCENARIOS

_SCENARIOS = {scenario.name: scenario for scenario in SCENARIOS}
_DOCUMENTED = documented()


def _rows() -> Iterator[object]:
    """Yield every row; rare scenarios, and reads after the last write, are nightly."""
    for name, calls in _DOCUMENTED.items():
        reads = takewhile(lambda call: call.startswith("GET "), reversed(calls))
        checks = set() if _SCENARIOS[name].only else set(reads)
        for call in calls:
            is_nightly = call in checks or _SCENARIOS[name].nightly
            marks = [pytest.mark.nightly] if is_nightly else []
            yield pytest.param(name, call, id=f"{name}-{call}", marks=marks)


@pytest.mark.parametrize("name", _SCENARIOS)
def test_document_has_every_call(runner: asyncio.Runner, name: str) -> None:
    """The document has a row for each call of a run without faults, in order."""

    async def calls() -> list[str]:
        async with ScenarioRunner.running() as scenarios:
            return [str(call) for call in await scenarios.calls(_SCENARIOS[name])]

    assert list(_DOCUMENTED[name]) == runner.run(calls())


@pytest.mark.parametrize(("name", "call"), _rows())
def test_row(runner: asyncio.Runner, name: str, call: str) -> None:
    """No fault of a call violates an invariant, and each ends the run as documented."""

    async def cells() -> dict[str, Cell]:
        async with ScenarioRunner.running() as scenarios:
            scenario = _SCENARIOS[name]
            calls = {str(each): each for each in await scenarios.calls(scenario)}
            return await try_row(scenarios, scenario, calls[call])

    found = runner.run(cells())
    assert [cell.violations for cell in found.values() if cell.violations] == []
    assert [str(cell) for cell in found.values()] == _DOCUMENTED[name][call]
