"""Tests of what the Marketplace and hassfest ask of the repository, as far as it shows without the internet.

What they ask of the texts and the actions is tested with those: test_names.py, translations/test_languages.py.
"""

from io import BytesIO
import json
from pathlib import Path
import shlex
import struct
import subprocess
from typing import Any, Final
from urllib.parse import urlsplit
from zipfile import ZipFile

from awesomeversion import AwesomeVersion
from homeassistant.util.yaml import parse_yaml
import probatio
import pytest

from custom_components.cloudflare_mtls.const import DOMAIN

from .common import PACKAGE
from .test_versions import MANIFEST, ROOT

# Home Assistant refuses other keys of a manifest than these; the store asks for the version and the issue tracker.
MANIFEST_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required("domain"): PACKAGE.name,
        probatio.Required("name"): str,
        "after_dependencies": [str],
        probatio.Required("codeowners"): [probatio.Match("^@[\\w-]+$")],
        "config_flow": True,
        "dependencies": [str],
        probatio.Required("documentation"): probatio.Url(),
        "integration_type": "service",
        probatio.Required("iot_class"): probatio.In(
            ["cloud_polling", "cloud_push", "local_polling", "local_push"]
        ),
        probatio.Required("issue_tracker"): probatio.Url(),
        "loggers": [str],
        "quality_scale": probatio.In(["bronze", "silver", "gold", "platinum"]),
        "requirements": [probatio.Match(r"^[\w.-]+==[\w.]+$")],
        probatio.Required("version"): str,
    }
)
HACS_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required("name"): MANIFEST["name"],
        "homeassistant": str,
        "zip_release": True,
        probatio.Required("filename"): f"{DOMAIN}.zip",
    }
)
HACS: Final[dict[str, Any]] = json.loads((ROOT / "hacs.json").read_text("utf-8"))

# Everybody downloads it with each update; a picture or a recording that got into it shows here.
LARGEST_ZIP: Final = 2_000_000


def git(*arguments: str) -> bytes:
    """Run git in this repository, and return what it says."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=True, capture_output=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def package() -> ZipFile:
    """Return what people install: what the workflow makes of the last commit."""
    workflow: Any = parse_yaml((ROOT / ".github/workflows/release.yml").read_text())
    (line,) = (
        step["run"]
        for step in workflow["jobs"]["release"]["steps"]
        if step.get("name") == "Zip the integration"
    )
    program, *arguments = shlex.split(line)
    output = arguments.index("--output")
    assert program == "git"
    assert arguments.pop(output + 1) == HACS["filename"]
    arguments.pop(output)
    archive = git(*arguments)
    assert len(archive) <= LARGEST_ZIP
    return ZipFile(BytesIO(archive))


def test_manifest() -> None:
    MANIFEST_SCHEMA(MANIFEST)
    assert list(MANIFEST) == [
        "domain",
        "name",
        *sorted(MANIFEST.keys() - {"domain", "name"}),
    ]
    assert AwesomeVersion(MANIFEST["version"]).valid
    for key in ("documentation", "issue_tracker"):
        assert urlsplit(MANIFEST[key]).scheme == "https"
    assert urlsplit(MANIFEST["documentation"]).hostname != "www.home-assistant.io"


def test_hacs() -> None:
    HACS_SCHEMA(HACS)
    assert AwesomeVersion(HACS["homeassistant"]).valid


def test_one_integration() -> None:
    """The store installs one, and shows its README and licence."""
    assert [path.parent.name for path in PACKAGE.parent.glob("*/manifest.json")] == [
        DOMAIN
    ]
    for name in ("README.md", "LICENSE"):
        assert (ROOT / name).stat().st_size


@pytest.mark.parametrize(("name", "size"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_icon(name: str, size: int) -> None:
    """Home Assistant shows it from this folder."""
    image = (PACKAGE / "brand" / name).read_bytes()
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", image[16:24]) == (size, size)


def test_package_is_complete(package: ZipFile) -> None:
    """Everything that git has of the integration is in it."""
    folder = f"HEAD:custom_components/{DOMAIN}"
    listed = git("ls-tree", "-r", "--name-only", folder).decode().splitlines()
    members = [name for name in package.namelist() if not name.endswith("/")]
    assert sorted(members) == sorted(listed)
    assert {
        "manifest.json",
        "brand/icon.png",
        "pages/www/handover.html",
        "translations/en.json",
    } <= {*members}
    assert package.testzip() is None


def test_package_holds_nothing_else(package: ZipFile) -> None:
    """Neither tests nor what a machine made of the code."""
    suffixes = {Path(name).suffix for name in package.namelist() if name[-1] != "/"}
    assert suffixes == {".css", ".html", ".js", ".json", ".png", ".py", ".yaml"}
    folders = {part for name in package.namelist() for part in Path(name).parts[:-1]}
    assert not folders & {"tests", "__pycache__", "node_modules"}


def test_git_ignores_nothing_of_the_integration() -> None:
    """What git ignores is on this machine, and in no package."""
    ignored = git(
        *(
            "ls-files",
            "--others",
            "--ignored",
            "--exclude-standard",
            "custom_components",
        )
    )
    assert [
        name for name in ignored.decode().splitlines() if "/__pycache__/" not in name
    ] == []
