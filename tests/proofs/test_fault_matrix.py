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
    assert [cell.violations for cell in cells.values() if cell.violations] == []
    assert [str(cell) for cell in cells.values()] == _DOCUMENTED[name][call]
