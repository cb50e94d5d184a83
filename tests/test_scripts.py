"""The scripts, and the commands in the documents: what they run is there."""

from pathlib import Path
import re
from typing import Final

import pytest

from tests.documents.markdown import ROOT, commands, documents

OURS: Final = (
    "benchmarks|custom_components|demo|docs|mutation|sandbox|scripts|tests|translations"
)
PATH: Final = re.compile(rf"(?<![\w/.])(?:{OURS})/[\w./-]*\w(?![\w*])")
MODULE: Final = re.compile(rf"-m ((?:{OURS})[\w.]*)")


def missing(text: str) -> list[str]:
    """Return the files, folders and modules that a text names and that are not there."""
    found = [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    for module in MODULE.findall(text):
        path = ROOT / module.replace(".", "/")
        if not (path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()):
            found.append(module)
    return found


def scripts() -> list[Path]:
    """Return the scripts that are programs of the shell."""
    files = [path for path in (ROOT / "scripts").iterdir() if path.is_file()]
    return [path for path in files if path.read_bytes().startswith(b"#!")]


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.name)
def test_what_it_names_is_there(script: Path) -> None:
    """Each file and folder exists, and each module can be run."""
    assert missing(script.read_text("utf-8")) == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_commands_of_documents(document: Path) -> None:
    """What people are told to run is there."""
    assert missing("\n".join(commands(document))) == []
