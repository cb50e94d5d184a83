"""Tests of the changelog: which part of it the notes of a release are, and how a release changes it."""

from datetime import date

import pytest

from release.changelog import CHANGELOG, notes_of, with_release
from tests.test_versions import ROOT

DAY = date(2027, 3, 1)
BEFORE = """\
# Changelog

What changes.

## [Unreleased]

### Added

- A door, which is
  green.
- A key.

Both work
in the dark.

## [0.1.0] - 2026-12-01

### Added

- A house.
"""
REFERENCES = """
[Unreleased]: https://github.com/o/r/compare/v0.1.0...HEAD
[0.1.0]: https://github.com/o/r/releases/tag/v0.1.0
"""


def test_paragraphs_are_lines() -> None:
    """GitHub and Home Assistant show each line break of release notes."""
    assert notes_of(BEFORE) == (
        "### Added\n\n- A door, which is green.\n- A key.\n\nBoth work in the dark.\n"
    )


def test_release_gets_what_was_unreleased() -> None:
    after = with_release(BEFORE, "0.2.0", DAY)
    assert after == BEFORE.replace(
        "## [Unreleased]\n", "## [Unreleased]\n\n## [0.2.0] - 2027-03-01\n"
    )
    assert notes_of(after, "0.2.0") == notes_of(BEFORE)
    assert notes_of(after, "0.1.0") == "### Added\n\n- A house.\n"
    assert notes_of(after) == ""


def test_references_follow() -> None:
    after = with_release(BEFORE + REFERENCES, "0.2.0", DAY)
    assert after.endswith("""
[Unreleased]: https://github.com/o/r/compare/v0.2.0...HEAD
[0.2.0]: https://github.com/o/r/compare/v0.1.0...v0.2.0
[0.1.0]: https://github.com/o/r/releases/tag/v0.1.0
""")
    assert notes_of(after, "0.1.0") == "### Added\n\n- A house.\n"


@pytest.mark.parametrize("version", ["0.1", "0.1.0.0", "1.0", "10.1.0"])
def test_other_versions_have_no_notes(version: str) -> None:
    assert notes_of(BEFORE, version) == ""


def test_headings_alone_are_no_notes() -> None:
    assert notes_of("## [Unreleased]\n\n### Added\n\n### Fixed\n") == ""


def test_changelog_of_the_project() -> None:
    """It has its section of what is not released, and no line of its notes is the rest of another."""
    text = (ROOT / CHANGELOG).read_text("utf-8")
    assert text.count("\n## [Unreleased]\n") == 1
    for line in notes_of(text).splitlines():
        assert not line or line.startswith(("### ", "- "))
