"""Tests of the page that explains every repair."""

from .troubleshooting import DOCUMENT, write


def test_page_is_up_to_date() -> None:
    """A text that is changed changes the page: run scripts/docs troubleshooting."""
    assert DOCUMENT.read_text("utf-8") == write()
