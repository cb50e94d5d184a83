"""Tests of the page that explains every repair."""

from .common import ENGLISH
from .troubleshooting import DOCUMENT, write


def test_page_is_up_to_date() -> None:
    """If this fails, run scripts/docs troubleshooting."""
    assert DOCUMENT.read_text("utf-8") == write()


def test_every_repair_has_a_place_to_link_to() -> None:
    """The link of a repair ends with its translation key."""
    page = DOCUMENT.read_text("utf-8")
    assert all(page.count(f'<a id="{key}"></a>') == 1 for key in ENGLISH["issues"])
