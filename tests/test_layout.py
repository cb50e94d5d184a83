"""Tests of the maps: the tree in CONTRIBUTING.md and the index of the tests."""

from .layout import CONTRIBUTING, INDEX, draw_contributing, draw_index


def test_tree_is_up_to_date() -> None:
    """If this fails, run scripts/docs tree."""
    assert CONTRIBUTING.read_text("utf-8") == draw_contributing()


def test_index_is_up_to_date() -> None:
    """If this fails, run scripts/docs tree."""
    assert INDEX.read_text("utf-8") == draw_index()
