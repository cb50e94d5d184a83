"""Mutants of code that runs at import: constants, members of enumerations, defaults.

mutmut switches between functions while the tests run, so it cannot mutate this code. Each of
these mutants gets its own process, in which the changed module replaces the real one.
"""

from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from difflib import unified_diff
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
import os
from pathlib import Path
import signal
import sys
from types import ModuleType

import libcst as cst
from mutmut.configuration import config
from mutmut.mutation.file_mutation import create_mutations, deep_replace
from mutmut.utils.file_utils import walk_mutatable_files
import pytest

# Packages that import the changed module; they have to be imported again after the change.
_REIMPORTED = ("custom_components", "tests")
_TIMEOUT = 300


@dataclass(frozen=True, kw_only=True)
class ImportMutant:
    """A module in which one statement, of the module or of one of its classes, is changed."""

    path: Path
    where: str
    original: str
    source: str

    @property
    def module(self) -> str:
        """Return the module's full name."""
        return ".".join(self.path.with_suffix("").parts)

    @property
    def diff(self) -> list[str]:
        """Return the change as the lines of a diff."""
        return list(
            unified_diff(
                self.original.splitlines(), self.source.splitlines(), lineterm="", n=0
            )
        )


def import_mutants() -> Iterator[ImportMutant]:
    """Yield every mutant of code that runs at import."""
    for path in walk_mutatable_files():
        source = path.read_text()
        module, mutations, *_ = create_mutations(str(path), source)
        owners = {
            statement: node.name.value
            for node in module.body
            if isinstance(node, cst.ClassDef)
            for statement in node.body.body
        }
        for mutation in mutations:
            within = mutation.contained_by_top_level_function
            if isinstance(within, cst.FunctionDef):
                continue
            changed = deep_replace(
                module, mutation.original_node, mutation.mutated_node
            )
            assert isinstance(changed, cst.Module)
            yield ImportMutant(
                path=path,
                where=owners.get(within, "") if within else "",
                original=source,
                source=changed.code,
            )


def survives(mutant: ImportMutant) -> bool:
    """Return whether the tests pass with the mutant."""
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) == 0
    code = 1
    try:
        signal.alarm(_TIMEOUT)
        sys.meta_path.insert(0, _Finder(mutant))
        code = run_tests()
    finally:
        os._exit(code)


def run_tests(*arguments: str) -> int:
    """Run the tests in this process without output, and return pytest's exit code."""
    for name in [name for name in sys.modules if name.partition(".")[0] in _REIMPORTED]:
        del sys.modules[name]
    configured = (
        *config().pytest_add_cli_args,
        *config().pytest_add_cli_args_test_selection,
    )
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        return pytest.main(["-x", "-q", *arguments, *configured])


class _Finder(MetaPathFinder, Loader):
    def __init__(self, mutant: ImportMutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        return spec_from_loader(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        code = compile(self._mutant.source, self._mutant.path, "exec")
        exec(code, module.__dict__)  # noqa: S102
