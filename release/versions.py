"""The version of the integration, and the files that hold it."""

from pathlib import Path
import re
from typing import Final

MANIFEST: Final = "custom_components/cloudflare_mtls/manifest.json"

# In each file, what stands right before the version.
_BEFORE: Final = {
    MANIFEST: r'^  "version": "',
    "pyproject.toml": r'^\[project\]\n(?:.+\n)*?version = "',
    ".github/ISSUE_TEMPLATE/bug_report.yml": r"^      label: Integration version\n(?:.+\n)*?      placeholder: ",
}
_NUMBER: Final = r"(?:0|[1-9]\d*)"
_VERSION: Final = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"

FILES: Final = tuple(_BEFORE)


def is_version(text: str) -> bool:
    """Return whether this is three numbers with dots between them."""
    return re.fullmatch(_VERSION, text) is not None


def is_newer(version: str, other: str) -> bool:
    """Return whether a version comes after another one."""
    return _numbers(version) > _numbers(other)


def read_version(root: Path, file: str) -> str:
    """Return the version that a file of the project holds."""
    return _found(root, file)[0]


def write_version(root: Path, version: str) -> None:
    """Have every file hold this version."""
    for file in FILES:
        found = _found(root, file)
        text = found.string[: found.start()] + version + found.string[found.end() :]
        (root / file).write_text(text, "utf-8")


def _found(root: Path, file: str) -> re.Match[str]:
    text = (root / file).read_text("utf-8")
    before = re.search(_BEFORE[file], text, re.MULTILINE)
    assert before, file
    version = re.compile(_VERSION).match(text, before.end())
    assert version, file
    return version


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]
