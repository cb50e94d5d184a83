"""Reads the documents of the project: their code, links, headings and quoted labels."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
import re
import subprocess
from typing import Final, override

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
GUIDES: Final = tuple(sorted((ROOT / "docs" / "guides").glob("*.md")))

_MARKDOWN: Final = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Block:
    """A block of code in a document."""

    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        """Return its lines, without those that are empty and without comments behind them."""
        lines = (re.sub(r"\s+#.*", "", line) for line in self.text.splitlines())
        return [line for line in lines if line.strip()]


def documents() -> list[Path]:
    """Return every document of the project, as git knows them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines()]


def blocks(document: Path, language: str) -> list[str]:
    """Return the blocks of code in a language."""
    return [item.text for item in _blocks(document) if item.language == language]


def commands(document: Path) -> list[str]:
    """Return every command that a document tells people to run."""
    return [
        line.strip()
        for item in _blocks(document)
        if item.language == "sh"
        for line in item.lines
    ]


def links(document: Path) -> list[str]:
    """Return where the links and images of a document lead."""
    found = []
    for token in _tokens(document):
        if token.type in ("link_open", "image"):
            found.append(str(token.attrs.get("href") or token.attrs.get("src")))
        elif token.type in ("html_block", "html_inline"):
            found += _Html.of(token.content).links
    return found


def anchors(document: Path) -> set[str]:
    """Return what a link into a document may name: its headings as GitHub calls them, and its marks."""
    found: Counter[str] = Counter()
    names = set()
    tokens = list(_tokens(document))
    for token, content in pairwise(tokens):
        if token.type == "heading_open":
            slug = _slug(content)
            names.add(f"{slug}-{found[slug]}" if found[slug] else slug)
            found[slug] += 1
        if token.type in ("html_block", "html_inline"):
            names |= _Html.of(token.content).ids
    return names


def labels(document: Path) -> set[str]:
    """Return the labels of buttons, fields and pages that a document quotes: they are in italics."""
    return {
        part.strip()
        for token in _tokens(document)
        if token.type == "inline"
        for text in _emphasised(token)
        for part in text.split("→")
    }


@cache
def _tokens(document: Path) -> tuple[Token, ...]:
    found: list[Token] = []
    for token in _MARKDOWN.parse(document.read_text("utf-8")):
        found += [token, *(token.children or ())]
    return tuple(found)


def _blocks(document: Path) -> Iterator[Block]:
    for token in _tokens(document):
        if token.type == "fence":
            yield Block(token.info.strip(), token.content)


def _emphasised(inline: Token) -> Iterator[str]:
    """Yield the texts in italics, but not those that are bold too."""
    within: list[str] = []
    for token in inline.children or ():
        match token.type:
            case "em_open":
                within.append("")
            case "em_close":
                yield within.pop()
            case "text" | "code_inline" if within:
                within[-1] += token.content
            case "softbreak" if within:
                within[-1] += " "


def _slug(heading: Token) -> str:
    """Return the name that GitHub gives a heading."""
    text = "".join(
        child.content
        for child in heading.children or ()
        if child.type in ("text", "code_inline")
    )
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


class _Html(HTMLParser):
    """The links and ids of a piece of HTML."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()

    @classmethod
    def of(cls, text: str) -> _Html:
        """Return what a text holds."""
        found = cls()
        found.feed(text)
        return found

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "srcset") and value:
                self.links.append(value)
            elif name == "id" and value:
                self.ids.add(value)
