"""The changelog: which part of it the notes of a release are, and how a release changes it (pure)."""

from collections.abc import Iterator
from datetime import date
import re
from typing import Final

CHANGELOG: Final = "CHANGELOG.md"

_UNRELEASED: Final = "Unreleased"
# What ends the paragraph before it: an item of a list, a heading, an empty line.
_BEGINNING: Final = re.compile(r"\s*(?:[-*] |\d+\. |#|$)")
_COMPARISON: Final = re.compile(
    rf"^\[{_UNRELEASED}\]: (?P<compare>\S+/compare/)(?P<last>\S+)\.\.\.HEAD$",
    re.MULTILINE,
)


def notes_of(changelog: str, version: str = _UNRELEASED) -> str:
    """Return what the changelog says of a version, by default of what is not released yet.

    Each paragraph is one line: GitHub and Home Assistant show every line break of release notes.
    Without an entry, there are no notes.
    """
    lines = list(_section(changelog, version))
    if all(not line or line.startswith("#") for line in lines):
        return ""
    paragraphs: list[str] = []
    for line in lines:
        if paragraphs and not _stands_alone(paragraphs[-1], line):
            paragraphs[-1] += f" {line.strip()}"
        else:
            paragraphs.append(line)
    return "\n".join(paragraphs).strip() + "\n"


def with_release(changelog: str, version: str, day: date) -> str:
    """Return the changelog with what is not released yet as a version of this day."""
    released = changelog.replace(
        f"## [{_UNRELEASED}]\n",
        f"## [{_UNRELEASED}]\n\n## [{version}] - {day.isoformat()}\n",
        1,
    )
    return _COMPARISON.sub(
        rf"[{_UNRELEASED}]: \g<compare>v{version}...HEAD"
        "\n"
        rf"[{version}]: \g<compare>\g<last>...v{version}",
        released,
    )


def _section(changelog: str, version: str) -> Iterator[str]:
    """Yield the lines below the heading of a version, up to the next one or the references."""
    is_inside = False
    for line in changelog.splitlines():
        if line.startswith("## "):
            is_inside = line.startswith(f"## [{version}]")
        elif re.match(r"\[[^\]]+\]: ", line):
            is_inside = False
        elif is_inside:
            yield line.rstrip()


def _stands_alone(before: str, line: str) -> bool:
    """Return whether a line does not belong to the paragraph of the line before it."""
    return not before or before.startswith("#") or bool(_BEGINNING.match(line))
