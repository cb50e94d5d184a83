"""Compare this integration with those in a folder: python -m benchmarks.peers FOLDER."""

import asyncio
from pathlib import Path
import sys
from typing import Final

from custom_components.cloudflare_mtls.const import DOMAIN
from demo.processes import REPOSITORY

from .candidates import NotMeasured, candidate
from .day import BETWEEN
from .measure import SIZE, Figures, measured

_OURS: Final = REPOSITORY / "custom_components" / DOMAIN / "manifest.json"
_HEADER: Final = (
    "integration",
    "import (CPU)",
    "set-up",
    "memory",
    "calls a day",
    "writes a day",
    f"shows an outage (slowest of {len(BETWEEN)})",
)


async def run(folder: Path) -> int:
    """Compare what is in a folder with ours, and return the exit status."""
    manifests = sorted(folder.glob("*/manifest.json"))
    if not manifests:
        print(
            f"{folder} has no integrations: each is a folder with a manifest.json",
            file=sys.stderr,
        )
        return 2
    await compare(_OURS, *manifests)
    return 0


async def compare(*manifests: Path) -> None:
    """Measure the integrations of manifests, and print the figures and what could not be measured."""
    rows: list[tuple[str, ...]] = [_HEADER]
    notes = []
    for manifest in manifests:
        name = manifest.parent.name
        print(f"peers: measuring {name}", file=sys.stderr)
        try:
            integration = candidate(manifest)
            figures = await measured(integration)
        except NotMeasured as reason:
            notes.append(f"{name} was not measured: {reason}")
            continue
        rows.append((integration.name, *_cells(figures)))
        if figures.refused:
            calls = ", ".join(figures.refused)
            notes.append(f"{name} asked what the local Cloudflare refuses: {calls}")
    print(f"{SIZE}:")
    for row in zip(*map(_padded, zip(*rows, strict=True)), strict=True):
        print(f"  {'  '.join(row)}".rstrip())
    for note in notes:
        print(note)


def _cells(figures: Figures) -> tuple[str, ...]:
    shown = "not within 2 hours"
    if figures.noticed is not None:
        seconds, entity_id = figures.noticed
        shown = f"after {seconds:,.0f} s, in {entity_id}"
    return (
        f"{figures.import_seconds * 1000:,.0f} ms",
        f"{figures.set_up_seconds * 1000:,.0f} ms",
        f"{figures.memory:,.1f} MiB",
        f"{figures.calls:,}",
        f"{figures.writes:,}",
        shown,
    )


def _padded(column: tuple[str, ...]) -> list[str]:
    width = max(map(len, column))
    return [cell.ljust(width) for cell in column]


if __name__ == "__main__":
    sys.exit(asyncio.run(run(Path(sys.argv[1]))))
