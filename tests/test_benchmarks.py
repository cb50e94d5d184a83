"""Each benchmark runs to its end with the smallest account; its figures are for a quiet machine."""

from pathlib import Path
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    "tests.newest_home_assistant" in sys.modules,
    reason="the benchmarks run in the oldest Home Assistant",
)

LOAD = """
import asyncio
from benchmarks import load
from benchmarks.crowd import Size
load.ROUNDS = load.CPU_ROUNDS = 1
asyncio.run(load.run(Size(tunnels=1, hostnames=1, devices=1)))
"""
GROWTH = """
import asyncio
from benchmarks import growth
from benchmarks.crowd import Size
size = Size(tunnels=1, certificates=1, hostnames=1)
print(growth.document(*[[asyncio.run(growth.measure(size))]] * 3))
"""
CALLS = """
import asyncio
from benchmarks import calls
calls.PART = 3600
asyncio.run(calls.count(login=True))
"""


@pytest.mark.parametrize(
    ("code", "figure"),
    [
        (LOAD, r"publish, turn_on: state changes of others: 0 \(budget 0\)"),
        (GROWTH, r"\| 1 \| \d+ \| \d+ ms \| [\d.]+ ms \| [\d.]+ s \|"),
        (CALLS, r"calls a day with a login hostname: [\d,]+ \(budget 3,000\)"),
    ],
    ids=["load", "growth", "calls"],
)
def test_benchmark(code: str, figure: str) -> None:
    """Its last figure is there."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert re.search(figure, ran.stdout), ran.stdout
