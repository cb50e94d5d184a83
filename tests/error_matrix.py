"""The document of what bad days do to the entities: docs/error-matrix.md, read and written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "error-matrix.md"

_INTRODUCTION: Final = """# Error matrix

An hour in which one call of a refresh goes wrong each time, in one way: what the entities show that are made of it. The
world changes at the beginning of that hour, so `unavailable` is what keeps an old value from passing for a new one. `seen`
means that the fault did no harm: the change is shown as it is. Behind it stands how many calls of that kind the hour cost;
where all is well it costs as many as `delay` does. What is read of settings, bots and Access opens a repair or does not: there,
`quiet` is that none was opened for what could not be seen.

In every one of these hours: entities made of other calls stay as they are, an outage is logged once and its end once, no
new authentication is asked for, and within a quarter of an hour after it everything is as it was before, without a restart
(six hours where a repair was opened, since that is how often these are read).
**Where one of these promises is broken, the cell is bold.**

Written by `ERROR_MATRIX=write python -m pytest tests/test_bad_days.py -m ""`; the tests play it all again, and compare.

"""


def write(faults: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    """Write the rows, in the place of those of the same calls."""
    rows = {**documented(), **rows}
    lines = [
        f"| call | {' | '.join(faults)} |",
        f"|{'---|' * (len(faults) + 1)}",
        *(f"| {call} | {' | '.join(cells)} |" for call, cells in rows.items()),
    ]
    DOCUMENT.write_text(_INTRODUCTION + "\n".join(lines) + "\n")


def documented() -> dict[str, list[str]]:
    """Read the cells of each call."""
    if not DOCUMENT.exists():
        return {}
    rows = {}
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("| ") and not line.startswith("| call "):
            call, *cells = line.strip("| ").split(" | ")
            rows[call] = cells
    return rows
