"""Draws the tree in CONTRIBUTING.md and the index in tests/README.md from the first line of each module.

Run it as `python -m tests.layout`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
import re
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_PACKAGE: Final = Path("custom_components/cloudflare_mtls")
_OTHERS: Final = (
    "sandbox",
    "demo",
    "benchmarks",
    "mutation",
    "release",
    "translations",
)
_BEGIN: Final = "<!-- the tree: scripts/docs tree -->\n"
_END: Final = "<!-- end of the tree -->\n"

CONTRIBUTING: Final = _ROOT / "CONTRIBUTING.md"
INDEX: Final = _ROOT / "tests" / "README.md"

_INDEX_INTRODUCTION: Final = """\
# Which test shows what

The folders mirror the rooms of the integration: what `coordinator/visits.py` does is tested in `tests/coordinator/test_visits.py`.
This index is made from the first line of each module by `scripts/docs tree`.
"""


def draw_contributing() -> str:
    """Return CONTRIBUTING.md with the tree as it is now."""
    before, rest = CONTRIBUTING.read_text("utf-8").split(_BEGIN)
    after = rest.split(_END)[1]
    return "".join(
        [before, _BEGIN, "\n```\n", "\n".join(_tree()), "\n```\n\n", _END, after]
    )


def draw_index() -> str:
    """Return tests/README.md as it has to be."""
    lines = [_INDEX_INTRODUCTION]
    for folder in [_ROOT / "tests", *_folders(_ROOT / "tests")]:
        lines += [
            f"## {folder.relative_to(_ROOT)}/",
            "",
            f"{first_line(folder / '__init__.py')}",
            "",
        ]
        tests = [
            f"| {path.name} | {_subject(first_line(path))} |"
            for path in _modules(folder)
            if path.name.startswith("test_")
        ]
        if tests:
            lines += ["| file | what it shows |", "|---|---|", *tests, ""]
        helpers = [
            f"`{path.name}`: {first_line(path)}"
            for path in _modules(folder)
            if not path.name.startswith("test_")
        ]
        if helpers:
            lines += ["  \n".join(helpers), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring; raise ValueError where it has none."""
    if not (docstring := ast.get_docstring(ast.parse(path.read_text("utf-8")))):
        raise ValueError(path)
    return docstring.partition("\n")[0]


def _tree() -> Iterator[str]:
    yield f"{_PACKAGE}/"
    yield from _branches(_ROOT / _PACKAGE, "")
    for name in _OTHERS:
        yield f"{name + '/':<31} {first_line(_ROOT / name / '__init__.py')}"


def _branches(folder: Path, indent: str) -> Iterator[str]:
    """Yield a line for each module, then each folder with its own modules."""
    branches = [*_modules(folder), *_folders(folder, deep=False)]
    for path in branches:
        is_last = path is branches[-1]
        stem = f"{indent}{'└── ' if is_last else '├── '}"
        if path.is_file():
            yield f"{stem + path.name:<31} {first_line(path)}"
            continue
        yield f"{stem + path.name + '/':<31} {first_line(path / '__init__.py')}"
        yield from _branches(path, indent + ("    " if is_last else "│   "))


def _modules(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]


def _folders(folder: Path, *, deep: bool = True) -> list[Path]:
    found = folder.rglob("__init__.py") if deep else folder.glob("*/__init__.py")
    return sorted(path.parent for path in found if path.parent != folder)


def _subject(line: str) -> str:
    """Return what a test module is about, without the words that all of them begin with."""
    subject = re.sub(r"^Tests? (?:of|that|for) ", "", line)
    return subject[:1].upper() + subject[1:]


if __name__ == "__main__":
    CONTRIBUTING.write_text(draw_contributing(), "utf-8")
    INDEX.write_text(draw_index(), "utf-8")
