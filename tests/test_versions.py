"""Tests of the versions: each stands in several files, and is the same in all of them."""

import json
from pathlib import Path
import re
from typing import Any, Final

from release.versions import FILES, read_version

from .common import PACKAGE

ROOT: Final = Path(__file__).parents[1]
MANIFEST: Final[dict[str, Any]] = json.loads((PACKAGE / "manifest.json").read_text())
PINS: Final = dict(
    re.findall(
        r"^([\w-]+)==(\S+)$", (ROOT / "requirements_test.txt").read_text(), re.MULTILINE
    )
)


def test_version_of_the_integration() -> None:
    """The release workflow compares each with the tag; a difference shows here first."""
    assert {read_version(ROOT, file) for file in FILES} == {MANIFEST["version"]}


def test_tests_run_on_the_requirements_of_the_manifest() -> None:
    """Users get the versions that were tested."""
    assert MANIFEST["requirements"] == [f"cloudflare=={PINS['cloudflare']}"]


def test_oldest_home_assistant_is_the_one_that_is_tested() -> None:
    """The Marketplace offers updates from the month on whose last patch the tests run."""
    oldest = json.loads((ROOT / "hacs.json").read_text())["homeassistant"]
    assert oldest == f"{PINS['homeassistant'].rpartition('.')[0]}.0"
