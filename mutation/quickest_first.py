"""A pytest plugin for mutants: run the quickest tests first, and stop at one counterexample."""

import sys

from hypothesis import Phase, settings
import pytest

# mutmut puts calls of its own between the calls of every function, recursive ones too.
sys.setrecursionlimit(5 * sys.getrecursionlimit())

settings.register_profile(
    "mutation", phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False
)
# Before the tests are imported, as their own settings take their defaults from this profile.
settings.load_profile("mutation")


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
