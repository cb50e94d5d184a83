"""The downloads: whatever runs on the machine of somebody who works on this has a fixed version and a hash."""

from pathlib import Path
import re
from typing import Any, Final

from homeassistant.util.yaml import parse_yaml
import pytest

from .test_versions import PINS

ROOT: Final = Path(__file__).parents[1]
LOCKS: Final = ROOT / "scripts" / "locks"
SCRIPTS: Final = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())
INSTALLS: Final = re.compile(r"\bpip install\b(?:[^\n]|(?<=\\)\n)*")
COMMIT: Final = re.compile(r"[0-9a-f]{40}")


def locked(name: str) -> dict[str, str]:
    """Return the versions of a lock by package, each of which has hashes."""
    found = {}
    for part in re.split(r"\n(?=\S)", (LOCKS / f"{name}.txt").read_text().strip()):
        first, *hashes = part.replace("\\\n", "").split("--hash=sha256:")
        package, _, version = first.split(";")[0].strip().partition("==")
        assert hashes, part
        assert all(re.fullmatch("[0-9a-f]{64}", item.strip()) for item in hashes), part
        found[package] = version
    return found


@pytest.mark.parametrize("path", sorted(LOCKS.iterdir()), ids=lambda path: path.stem)
def test_lock_has_hashes(path: Path) -> None:
    """Each package of each lock has one version, and the hashes of its files."""
    assert all(locked(path.stem).values())


def test_locks_follow_the_requirements() -> None:
    """A changed requirement needs scripts/lock; both locks have it but for Home Assistant."""
    oldest, newest = locked("oldest"), locked("newest")
    for name, version in PINS.items():
        assert oldest[name] == version
        if name != "homeassistant":
            assert newest[name] == version
    assert newest["homeassistant"] > oldest["homeassistant"]
    assert (
        f"newest_home_assistant={newest['homeassistant']}\n"
        in (ROOT / "scripts" / "lock").read_text()
    )


def test_scripts_install_what_is_locked() -> None:
    """No script installs a package without its hash, nor runs anything straight from the internet."""
    commands = [
        command for path in SCRIPTS for command in INSTALLS.findall(path.read_text())
    ]
    assert len(commands) == 3
    for command in commands:
        assert "--require-hashes" in command
        assert "-r " in command
    for path in [*SCRIPTS, ROOT / ".ci" / "run"]:
        used = re.findall(r"\b(?:curl|wget|npx|pipx|uvx|uv tool)\b", path.read_text())
        # What the tests drive is Debian's, and its signature is checked.
        assert used == (["curl", "curl"] if path.name == "peers" else [])


def actions(node: Any) -> list[str]:
    """Return every action that a workflow uses."""
    if isinstance(node, dict):
        own = [node["uses"]] if "uses" in node else []
        return own + [item for value in node.values() for item in actions(value)]
    if isinstance(node, list):
        return [item for value in node for item in actions(value)]
    return []


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "workflows").iterdir()), ids=lambda path: path.stem
)  # fmt: skip
def test_workflows_use_commits(path: Path) -> None:
    """The owner of an action can move its tags, but not its commits."""
    used = actions(parse_yaml(path.read_text()))
    assert used
    for action in used:
        assert COMMIT.fullmatch(action.partition("@")[2]), action


def test_hooks_are_commits() -> None:
    """The same goes for what runs before each commit."""
    config = parse_yaml((ROOT / ".pre-commit-config.yaml").read_text())
    assert isinstance(config, dict)
    for hook in config["repos"]:
        assert hook["repo"] == "local" or COMMIT.fullmatch(hook["rev"])
