"""Tests of the pictures in all documents: one command takes them all again."""

from pathlib import Path
from typing import Final

import pytest

from demo.pictures import PICTURES

from .markdown import README, ROOT, documents, links

IMAGES: Final = ROOT / "docs" / "images"
DRAWN_BY_HAND: Final = {"icon.svg"}


def pictures(document: Path) -> set[Path]:
    """Return the pictures of the project that a document shows."""
    found = {(document.parent / link).resolve() for link in links(document)}
    return {path for path in found if path.parent == IMAGES}


def test_each_is_taken_by_the_script() -> None:
    """None is shown that nobody could take again, and none is taken for nothing."""
    shown = {path.name for each in documents() for path in pictures(each)}
    assert shown - DRAWN_BY_HAND == PICTURES
    assert {path.name for path in IMAGES.iterdir()} - DRAWN_BY_HAND == PICTURES
    assert "-m demo.pictures\n" in (ROOT / "scripts" / "docs").read_text("utf-8")


@pytest.mark.parametrize(
    ("names", "limit"),
    [
        ({path.name for path in pictures(README)}, 2_000_000),
        ({"stranger-and-phone.gif"}, 1_000_000),
    ],
)
def test_weight(names: set[str], limit: int) -> None:
    """The README opens on a slow line, too."""
    assert names
    assert sum((IMAGES / name).stat().st_size for name in names) < limit
