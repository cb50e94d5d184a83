"""Tests of scripts/release in a copy of the repository: a release, every refusal, and its workflow."""

import ast
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
import json
from pathlib import Path
import shutil
import subprocess
import sys
from typing import Any, Final

from homeassistant.util.yaml import parse_yaml
import pytest

from release import __main__ as command, checks
from release.changelog import CHANGELOG
from release.versions import FILES, MANIFEST, read_version, write_version
from tests.test_versions import ROOT

ENTRIES: Final = "- A door, which is\n  green.\n"
NOTES: Final = "### Added\n\n- A door, which is green.\n"
MODULES: Final = sorted((ROOT / "release").glob("*.py"))


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with what a release reads and writes, at version 0.9.0; commands run there."""
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    shutil.copytree(ROOT / "release", tmp_path / "release")
    write_version(tmp_path, "0.9.0")
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    (tmp_path / CHANGELOG).write_text(
        f"# Changelog\n\n## [Unreleased]\n\n### Added\n\n{ENTRIES}"
    )
    stored = tmp_path / "tests" / "stored"
    stored.mkdir(parents=True)
    (stored / "__init__.py").write_text("")
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch", "main")
    git("add", "--all")
    git("commit", "--quiet", "--message", "Begin")
    return tmp_path


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Have the checks pass; return where they were run."""
    runs: list[Path] = []

    def record(root: Path) -> None:
        runs.append(root)
        folder = root / "tests" / "stored" / read_version(root, MANIFEST)
        folder.mkdir()
        (folder / "entry.json").write_text("{}\n")

    monkeypatch.setattr(command, "check", record)
    return runs


def git(*arguments: str) -> str:
    """Run git in the current folder, and return what it says."""
    done = subprocess.run(
        ["git", *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def everything(copy: Path) -> dict[str, Any]:
    """Return what a refused release must leave as it is."""
    files = {
        path.relative_to(copy): path.read_bytes()
        for path in copy.rglob("*")
        if path.is_file() and not {".git", "__pycache__"} & {*path.parts}
    }
    return {"files": files, "refs": git("show-ref"), "status": git("status", "--short")}


@pytest.mark.parametrize("version", ["0.9.0", "0.9.1", "0.10.0", "1.0.0"])
def test_release(
    copy: Path, checked: list[Path], capsys: pytest.CaptureFixture[str], version: str
) -> None:
    """The first release is of the version that the files hold already."""
    assert command.main([version]) == 0
    said = capsys.readouterr()
    assert said.out == NOTES
    assert said.err.endswith("\n\n  git push --atomic --follow-tags origin main\n\n")
    assert checked == [copy]

    assert {read_version(copy, file) for file in FILES} == {version}
    assert json.loads((copy / MANIFEST).read_text())["version"] == version
    today = datetime.now(UTC).date().isoformat()
    assert (copy / CHANGELOG).read_text() == (
        "# Changelog\n\n## [Unreleased]\n\n"
        f"## [{version}] - {today}\n\n### Added\n\n{ENTRIES}"
    )
    assert git("status", "--short") == ""
    assert git("log", "-1", "--format=%s") == f"Release {version}"
    changed = git("diff", "--name-only", "HEAD~", "HEAD").splitlines()
    versioned = () if version == "0.9.0" else FILES
    stored = f"tests/stored/{version}/entry.json"
    assert changed == sorted([*versioned, CHANGELOG, stored])
    # Only such a tag is pushed by --follow-tags.
    assert git("cat-file", "-t", f"v{version}") == "tag"
    assert git("rev-list", "-1", f"v{version}") == git("rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("version", "before", "sentence"),
    [
        ("1.2", (), "1.2 is not a version"),
        ("v1.2.3", (), "v1.2.3 is not a version"),
        ("1.2.3b1", (), "1.2.3b1 is not a version"),
        ("01.2.3", (), "01.2.3 is not a version"),
        ("0.8.10", (), "0.8.10 is not newer than the present version, 0.9.0."),
        ("0.9.0", ("tag", "v0.9.0"), "The tag v0.9.0 exists already."),
        ("0.10.0", ("tag", "v0.10.0"), "The tag v0.10.0 exists already."),
        ("0.10.0", ("switch", "--quiet", "--create", "fix"), "on the branch main."),
        ("0.10.0", ("switch", "--quiet", "--detach"), "on the branch main."),
        ("0.10.0", ("rm", "--quiet", "--cached", CHANGELOG), "are not committed."),
    ],
)  # fmt: skip
def test_refusal(
    copy: Path,
    checked: list[Path],
    capsys: pytest.CaptureFixture[str],
    version: str,
    before: tuple[str, ...],
    sentence: str,
) -> None:
    """It says why, and nothing has changed."""
    if before:
        git(*before)
    was = everything(copy)
    assert command.main([version]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert everything(copy) == was
    assert checked == []


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(
            lambda copy: (copy / "note.txt").write_text("mine"),
            "are not committed.",
            id="a file that git does not know",
        ),
        pytest.param(
            lambda copy: (copy / CHANGELOG).write_text("mine"),
            "are not committed.",
            id="a changed file",
        ),
        pytest.param(
            lambda copy: _commit(copy, "## [Unreleased]\n\n### Added\n"),
            "says nothing under Unreleased.",
            id="nothing to tell",
        ),
        pytest.param(
            lambda copy: _commit(copy, f"## [0.1.0]\n\n{ENTRIES}"),
            "says nothing under Unreleased.",
            id="no section",
        ),
    ],
)
def test_refusal_of_files(
    copy: Path,
    checked: list[Path],
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], object],
    sentence: str,
) -> None:
    spoil(copy)
    was = everything(copy)
    assert command.main(["0.10.0"]) == 1
    assert sentence in capsys.readouterr().err
    assert everything(copy) == was
    assert checked == []


def _commit(copy: Path, changelog: str) -> None:
    (copy / CHANGELOG).write_text(f"# Changelog\n\n{changelog}")
    git("commit", "--quiet", "--all", "--message", "Write")


@pytest.mark.parametrize("arguments", [[], ["0.10.0", "0.11.0"]])
def test_wrong_arguments(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 2
    assert "python -m release X.Y.Z" in capsys.readouterr().err


@pytest.mark.parametrize("failing", ["a check", "the commit", "the tag", "somebody"])
def test_failure_leaves_nothing(
    copy: Path,
    checked: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failing: str,
) -> None:
    """What was written and recorded before is gone again."""
    hooks = copy / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    # git asks it before each commit, and before each change of a branch or tag.
    hook = {"the commit": "pre-commit", "the tag": "reference-transaction"}
    script = {
        "the commit": "exit 1",
        "the tag": 'if [ "$1" = prepared ] && grep -q refs/tags/; then exit 1; fi',
    }
    record = command.check

    def fail(root: Path) -> None:
        record(root)
        match failing:
            case "a check":
                raise checks.CheckFailed("scripts/lint failed.")
            case "somebody":
                raise KeyboardInterrupt
            case _:
                (hooks / hook[failing]).write_text(f"#!/bin/sh\n{script[failing]}\n")
                (hooks / hook[failing]).chmod(0o700)

    monkeypatch.setattr(command, "check", fail)
    was = everything(copy)
    with suppress(KeyboardInterrupt):
        assert command.main(["0.10.0"]) == 1
    assert checked == [copy]
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("release: ") or failing == "somebody"
    assert everything(copy) == was


@pytest.mark.parametrize("passes", [True, False])
def test_checks_stop_at_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, passes: bool
) -> None:
    python = [sys.executable, "-c"]
    first = (*python, f"raise SystemExit({0 if passes else 3})")
    second = (*python, "open('done', 'w')")
    monkeypatch.setattr(checks, "COMMANDS", (first, second))
    if passes:
        checks.check(tmp_path)
    else:
        with pytest.raises(checks.CheckFailed, match="failed"):
            checks.check(tmp_path)
    assert (tmp_path / "done").exists() is passes


def test_checks_exist() -> None:
    """Each path that a check names is there."""
    paths = [
        argument
        for command in checks.COMMANDS
        for argument in command[1:] or command
        if "/" in argument
    ]
    assert len(paths) > 5
    assert all((ROOT / path).exists() for path in paths)


# The workflow


def step(name: str) -> str:
    """Return what a step of the workflow runs, by a part of its name."""
    workflow: Any = parse_yaml((ROOT / ".github/workflows/release.yml").read_text())
    (found,) = (
        step["run"]
        for step in workflow["jobs"]["release"]["steps"]
        if name in step.get("name", "")
    )
    return str(found)


def run_in_workflow(script: str, tag: str) -> subprocess.CompletedProcess[str]:
    """Run a step in the current folder, as GitHub does."""
    folder = Path(sys.executable).parent
    return subprocess.run(
        ["bash", "-e", "-c", script],
        env={"TAG": tag, "PATH": f"{folder}:/usr/bin:/bin"},
        check=False,
        capture_output=True,
        text=True,
    )


def test_workflow_publishes_the_printed_notes(
    copy: Path, checked: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    command.main(["0.10.0"])
    printed = capsys.readouterr().out
    assert run_in_workflow(step("notes"), "v0.10.0").returncode == 0
    assert (copy / "notes.md").read_text() == printed == NOTES
    assert "--notes-file notes.md" in step("Create a draft")


@pytest.mark.parametrize("file", FILES)
def test_workflow_compares_the_versions(
    copy: Path, checked: list[Path], file: str
) -> None:
    command.main(["0.10.0"])
    path = copy / file
    path.write_text(path.read_text().replace("0.10.0", "0.10.1"))
    done = run_in_workflow(step("notes"), "v0.10.0")
    assert done.returncode == 1
    assert f"The tag is v0.10.0, and {file} holds the version 0.10.1." in done.stderr


def test_workflow_wants_notes(copy: Path) -> None:
    write_version(copy, "0.10.0")
    done = run_in_workflow(step("notes"), "v0.10.0")
    assert done.returncode == 1
    assert "CHANGELOG.md says nothing of the version 0.10.0." in done.stderr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_workflow_needs_nothing_else(path: Path) -> None:
    """It has Python 3.12 as Ubuntu ships it, without any package."""
    tree = ast.parse(path.read_text(), feature_version=(3, 12))
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                roots = {name.name.partition(".")[0] for name in names}
            case ast.ImportFrom(module=str(module), level=0):
                roots = {module.partition(".")[0]}
            case _:
                continue
        assert roots <= sys.stdlib_module_names
