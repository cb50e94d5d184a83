"""What a release has to pass besides the tests of every commit; all of it works without the internet."""

from pathlib import Path
import subprocess
import sys
from typing import Final

# Record first: the tests then load what this version stores as well.
COMMANDS: Final = (
    (sys.executable, "-m", "tests.stored"),
    (
        *(sys.executable, "-m", "pytest", "-q", "tests/test_store_rules.py"),
        *("tests/test_names.py", "tests/test_versions.py", "tests/documents"),
        *("tests/release", "tests/stored", "tests/translations"),
    ),
    ("scripts/lint",),
)


class CheckFailed(Exception):
    """A command failed; the message names it."""


def check(root: Path) -> None:
    """Run every check; what they say is printed.

    Raises:
        CheckFailed: at the first that fails.
    """
    for command in COMMANDS:
        done = subprocess.run(command, cwd=root, check=False, stdout=sys.stderr)
        if done.returncode:
            raise CheckFailed(f"{' '.join(command)} failed.")
