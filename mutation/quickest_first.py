"""How the tests run against mutants: the quickest first, and one counterexample will do.

A plugin for pytest, which `scripts/mutate` names.
"""

from hypothesis import Phase, settings
import pytest

settings.register_profile(
    "mutation", phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False
)
# Before the tests are imported: each of them takes what it does not say itself from here.
settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the searches last, and among them those of whole worlds."""
    items.sort(key=_patience)


def _patience(item: pytest.Item) -> tuple[bool, bool, str]:
    function = getattr(item, "function", None)
    return (
        "every_world" in item.nodeid,
        hasattr(function, "hypothesis"),
        item.nodeid,
    )
