"""The document docs/error-matrix.md: how entities show an hour in which a call fails."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "error-matrix.md"

_INTRODUCTION: Final = """# Error matrix

Each row is a call that a refresh makes, each column a fault that hits this call for an hour. At the beginning of the hour
something changes at Cloudflare. A cell says what the entities that depend on the call show: `seen` is the change, so the
fault did no harm; `unavailable` and `unknown` say that the integration does not pass off the old value as the new one. Zone
settings, bot management, IP Access rules, Workers and Access applications have repairs instead of entities: `quiet` says that
no repair was opened for what could not be read. In brackets is how many calls of this kind the hour took; without a fault it
takes as many as with `delay`. In the last column the call works, and another domain of the account is gone at Cloudflare: that
costs nothing here, and has a repair of its own. The last row is no call: a user who is not an administrator tries every action,
button and switch while all calls meet the fault; `refused` says that none was obeyed.

In each of these hours, the entities that depend on other calls stay as they are, an outage is logged once and its end once,
and no reauthentication starts. Within a quarter of an hour after it, everything is as before without a restart (six hours for
what has repairs, as it is read every six hours). **If one of these promises is broken, the cell is bold.**

Written by `scripts/docs error-matrix`; the tests try every cell and compare.

"""


def write(faults: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
    """Write the document: these rows, and the documented rows of other calls."""
    rows = {**documented(), **rows}
    lines = [
        f"| call | {' | '.join(faults)} |",
        f"|{'---|' * (len(faults) + 1)}",
        *(f"| {call} | {' | '.join(cells)} |" for call, cells in rows.items()),
    ]
    DOCUMENT.write_text(_INTRODUCTION + "\n".join(lines) + "\n")


def documented() -> dict[str, list[str]]:
    """Return the cells of each call, as the document has them."""
    if not DOCUMENT.exists():
        return {}
    rows = {}
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("| ") and not line.startswith("| call "):
            call, *cells = line.strip("| ").split(" | ")
            rows[call] = cells
    return rows
