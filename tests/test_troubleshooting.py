"""Tests of the page that explains every repair."""

from .troubleshooting import DOCUMENT, write


def test_page_is_up_to_date() -> None:
    """Whoever changes a text has the page written anew."""
    assert DOCUMENT.read_text("utf-8") == write()
