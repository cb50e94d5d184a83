"""The performance document has the sizes, the words and the budgets of the benchmark that writes it."""

import re

from benchmarks.calls import CALLS_A_DAY
from benchmarks.crowd import Size
from benchmarks.growth import (
    DOCUMENT,
    NUMBERS_OF_CERTIFICATES,
    NUMBERS_OF_HOSTNAMES,
    NUMBERS_OF_TUNNELS,
    Cost,
    document,
)
from benchmarks.load import CPU_RATIO, HOLD_MS


def cost(*, tunnels: int = 1, certificates: int = 10, hostnames: int = 1) -> Cost:
    """Return a cost of no matter how much."""
    size = Size(tunnels=tunnels, certificates=certificates, hostnames=hostnames)
    return Cost(size=size, set_up_seconds=0, calls=0, cpu_ms=0, hold_ms=0)


def test_words_and_sizes() -> None:
    """It differs in what was measured alone."""
    written = document(
        [cost(tunnels=number) for number in NUMBERS_OF_TUNNELS],
        [cost(certificates=number) for number in NUMBERS_OF_CERTIFICATES],
        [cost(hostnames=number) for number in NUMBERS_OF_HOSTNAMES],
    )
    measured = re.compile(r"(?<=\| )[\d.,]+(?= (ms|s|\|))|(?<=bar ).*")
    text = DOCUMENT.read_text()
    assert measured.sub("", text) == measured.sub("", written)


def test_budgets() -> None:
    text = DOCUMENT.read_text()
    for budget in (f"{CALLS_A_DAY:,}", f"{HOLD_MS} ms", f"{CPU_RATIO}"):
        assert f"| {budget} |" in text
