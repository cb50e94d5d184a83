"""Fails where a module of the integration is not covered well enough: the total would hide it.

Run it as `python -m tests.module_coverage` after a run with coverage.
"""

from collections.abc import Mapping
import json
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any, Final

_PACKAGE: Final = "custom_components/cloudflare_mtls/"
# The quality scale wants every way through a dialog tested, and more than this of any module.
_DIALOGS: Final = ("config_flow.py", "flows/", "repairs.py")
_PERCENT: Final = 95.0


def shortcomings(files: Mapping[str, Any]) -> list[str]:
    """Return a line for each module that is covered less than it must be."""
    lines = []
    for path, measured in sorted(files.items()):
        name = path.partition(_PACKAGE)[2]
        required = 100.0 if name.startswith(_DIALOGS) else _PERCENT
        covered = measured["summary"]["percent_covered"]
        if covered < required:
            lines.append(f"{name}: {covered:.1f} % covered, {required:.0f} % required")
    return lines


def _read_report() -> Mapping[str, Any]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        subprocess.run(
            [sys.executable, "-m", "coverage", "json", "--quiet", "-o", path],
            check=True,
        )
        files: Mapping[str, Any] = json.loads(path.read_text("utf-8"))["files"]
        return files


if __name__ == "__main__":
    if found := shortcomings(_read_report()):
        sys.exit("\n".join(found))
