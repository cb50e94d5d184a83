"""The document docs/security.md: each attack that it lists is carried out by tests that run."""

from importlib import import_module
from pathlib import Path
import re
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[1]
DOCUMENT: Final = (ROOT / "docs" / "security.md").read_text()
TEST: Final = re.compile(r"`tests/([\w/]+/)?(test_\w+)\.py((?:::Test\w+)*::test_\w+)`")


@pytest.mark.parametrize(
    ("heading", "at_least"), [("## Who attacks", 9), ("## What was tried", 40)]
)
def test_every_attack_has_a_test(heading: str, at_least: int) -> None:
    """A row of the tables of attackers and attacks ends with names of tests, and nothing else."""
    attacks, *_ = DOCUMENT.partition(f"{heading}\n")[2].split("\n## ")
    rows = re.findall(r"^\| (?!attack |who )(.+) \|$", attacks, re.MULTILINE)
    assert len(rows) >= at_least
    for row in rows:
        *_, tests = row.split(" | ")
        assert TEST.search(tests), row
        assert TEST.sub("", tests).strip(", ") == "", row


def marks_of(item: Any) -> set[str]:
    """Return the names of the marks on a module, a class or a function."""
    marks = getattr(item, "pytestmark", [])
    return {mark.name for mark in (marks if isinstance(marks, list) else [marks])}


@pytest.mark.parametrize(
    ("folder", "module", "names"), sorted(set(TEST.findall(DOCUMENT)))
)
def test_every_test_is_collected(folder: str, module: str, names: str) -> None:
    """The test exists, and runs with the others, not only at night."""
    item: Any = import_module(f"tests.{folder.replace('/', '.')}{module}")
    marks = marks_of(item)
    for name in names.removeprefix("::").split("::"):
        item = getattr(item, name)
        marks |= marks_of(item)
    assert callable(item)
    assert "nightly" not in marks
