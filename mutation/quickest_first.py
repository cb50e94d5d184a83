"""A pytest plugin for mutants: run the quickest tests first, each as if it was alone, and stop at one counterexample."""

from functools import cache
import sys
from types import ModuleType
from typing import Any

from hypothesis import Phase, settings
import pytest

# mutmut puts calls of its own between the calls of every function, recursive ones too.
sys.setrecursionlimit(5 * sys.getrecursionlimit())

settings.register_profile(
    "mutation", phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False
)
# Before the tests are imported, as their own settings take their defaults from this profile.
settings.load_profile("mutation")


def pytest_runtest_setup() -> None:
    """Forget what earlier tests had the engine remember.

    mutmut would not know that a test needs a function of which the result is remembered.
    """
    for remembered in _remembering(tuple(sys.modules.items())):
        remembered.cache_clear()


@cache
def _remembering(modules: tuple[tuple[str, ModuleType], ...]) -> list[Any]:
    """Return the functions of the engine that remember their results."""
    return [
        function
        for name, module in modules
        if ".cloudflare_mtls.engine." in name
        for function in vars(module).values()
        if hasattr(function, "cache_clear")
    ]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run property-based tests last, and those of whole worlds at the very end."""
    items.sort(key=_slowness)


def _slowness(item: pytest.Item) -> tuple[bool, bool, str]:
    function = getattr(item, "function", None)
    return (
        "every_world" in item.nodeid,
        hasattr(function, "hypothesis"),
        item.nodeid,
    )
