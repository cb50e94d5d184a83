"""Tests of the links in all documents: what they lead to is there."""

from pathlib import Path
import re
from urllib.parse import unquote, urlsplit

import pytest

from custom_components.cloudflare_mtls.const import TROUBLESHOOTING_URL

from .markdown import README, ROOT, anchors, documents, links

REPOSITORY = TROUBLESHOOTING_URL.removesuffix("/blob/main/docs/troubleshooting.md")
# Of others, nothing here can tell whether they are there; each of them is read by people before it is added.
OTHERS = {
    "android.googlesource.com",
    "dash.cloudflare.com",
    "developers.cloudflare.com",
    "docs.docker.com",
    "github.com",
    "hacs.xyz",
    "img.shields.io",
    "keepachangelog.com",
    "my.home-assistant.io",
    "pkg.cloudflare.com",
    "semver.org",
    "www.cloudflare.com",
    "www.home-assistant.io",
}


def name(document: Path) -> str:
    """Return a document as a test's id."""
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", documents(), ids=name)
def test_links(document: Path) -> None:
    """Files are there, and have what a link into them names."""
    for link in links(document):
        url = urlsplit(link.replace(f"{REPOSITORY}/blob/main", str(ROOT)))
        if url.scheme:
            assert url.scheme == "https", link
            assert url.hostname in OTHERS, link
            continue
        target = (document.parent / unquote(url.path)) if url.path else document
        assert target.exists(), link
        if url.fragment:
            assert url.fragment in anchors(target), link


def test_pictures_have_descriptions() -> None:
    """People with a screen reader read the README, too."""
    text = README.read_text("utf-8")
    assert "![](" not in text
    assert text.count("<img ") == len(re.findall(r'<img [^>]*alt="[^"]', text))


def test_no_document_is_lost() -> None:
    """From the README, links lead to every document for people; HACS shows info.md by itself."""
    reached, waiting = set[Path](), [README]
    while waiting:
        document = waiting.pop()
        if document in reached:
            continue
        reached.add(document)
        waiting += [
            (document.parent / urlsplit(link).path).resolve()
            for link in links(document)
            if urlsplit(link).path.endswith(".md") and not urlsplit(link).scheme
        ]
    ours = {*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {ROOT / "info.md"}
    assert ours - reached == set()
