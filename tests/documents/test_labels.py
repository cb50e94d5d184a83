"""Tests of the labels that the README and the guides quote: they are those on the screen."""

from pathlib import Path
from typing import Final

import pytest

from tests.common import ENGLISH
from tests.front_end import texts_in

from .markdown import GUIDES, README, ROOT, labels

OURS: Final = {text for _, text in texts_in(ENGLISH)}
# The blueprints have their own words.
BLUEPRINTS: Final = {"Lock a device out", "Renew now"}
# Read off Home Assistant 2026.11 and its front end 20261028.
HOME_ASSISTANT: Final = {
    "400: Bad Request",
    "Add condition",
    "Add from link",
    "Add integration",
    "Add trigger",
    "By type",
    "Configuration",
    "Create automation",
    "Custom repositories",
    "Devices & services",
    "Download",
    "HTTP server",
    "Install",
    "Integration",
    "Local network",
    "Marketplace",
    "Network",
    "Repairs",
    "Settings",
    "Skip and finish",
    "System",
    "Trust X-Forwarded-For",
    "Trusted proxies",
}


def name(document: Path) -> str:
    """Return a document as a test's id."""
    return document.name


@pytest.mark.parametrize("document", [README, *GUIDES], ids=name)
def test_labels(document: Path) -> None:
    """What is in italics is a label of ours, or one of Home Assistant."""
    quoted = labels(document)
    assert (
        quoted - OURS - BLUEPRINTS - HOME_ASSISTANT - {"Cloudflare mTLS", "italics"}
        == set()
    )


def test_labels_of_blueprints() -> None:
    """They are in one of them."""
    files = (ROOT / "blueprints").rglob("*.yaml")
    texts = "".join(file.read_text("utf-8") for file in files)
    assert all(f": {label}\n" in texts for label in BLUEPRINTS)


def test_no_label_is_listed_for_nothing() -> None:
    """A label that no document quotes any more is not kept here."""
    quoted = set[str]().union(*(labels(document) for document in (README, *GUIDES)))
    assert HOME_ASSISTANT - quoted == set()
