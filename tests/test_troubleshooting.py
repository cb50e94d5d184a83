"""Tests of the page that explains every repair."""

from .troubleshooting import DOCUMENT, write


def test_page_is_up_to_date() -> None:
    """If this fails, run scripts/docs troubleshooting."""
    assert DOCUMENT.read_text("utf-8") == write()
