"""What the front end makes of each text: Markdown, plain text, or a part of our own pages.

Read off the front end of Home Assistant 2026.10: `ha-markdown` renders the descriptions of steps, fields
and repairs, reasons to abort, progress and the messages of notifications. Titles, labels, errors of forms
and exceptions are shown as they are.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from html.parser import HTMLParser
import re
from typing import Any, Final, override

from markdown_it import MarkdownIt

type Path = tuple[str, ...]

# What our own texts consist of: no image, no raw HTML.
_TAGS: Final = frozenset(
    {"a", "br", "code", "em", "li", "ol", "p", "pre", "strong", "ul"}
    | {"table", "tbody", "td", "th", "thead", "tr"}
)
# Texts of the category "common" that end up in one of those places.
_COMMON_MARKDOWN: Final = re.compile(
    r"(access|adopted|arrival|changes|exempt|local_address|step|to_device|login(?!_path|_trial_|_by_pin|_every_))_.*|permission.*|token_more|origin_request|shuts_out|cuts_off|logins_stay|moved_in_file|stays_blocked|only_old_certificate|connector_network|removal_none"
)
_COMMON_PAGES: Final = re.compile(r"(handover|proof|login_trial)_.*|visit_seen")
_COMMON_PLAIN: Final = re.compile(
    r"(problem|path_example|barrier|exposure|notification|tunnel|login_path|month)_?.*|date|moment|login_by_pin|login_every_.*|(new|existing)_hostname|service_in_file|certificate(_.*)?|choose_what_to_do|model_.*|name_added"
)

# To make one takes longer than to render a text.
_MARKDOWN: Final = MarkdownIt(
    "gfm-like", {"html": True, "linkify": True, "breaks": True}
)

# Some languages want them before a colon or within a number.
_NO_BREAK_SPACES: Final = str.maketrans("\u00a0\u202f", "  ")


class Place(StrEnum):
    """Where a text is shown."""

    MARKDOWN = "markdown"
    PLAIN = "plain"
    PAGE = "page"


def place_of(path: Path) -> Place:
    """Return where the text at a path of the translations is shown."""
    match path:
        case ("common", key):
            (place,) = (
                place
                for place, pattern in (
                    (Place.MARKDOWN, _COMMON_MARKDOWN),
                    (Place.PLAIN, _COMMON_PLAIN),
                    (Place.PAGE, _COMMON_PAGES),
                )
                if pattern.fullmatch(key)
            )
            return place
        case (
            "services"
            | "selector"
            | "exceptions"
            | "entity"
            | "triggers"
            | "conditions",
            *_,
        ):
            return Place.PLAIN
        case (*_, "data_description" | "abort" | "progress" | "create_entry", _):
            return Place.MARKDOWN
        case (*_, "description"):
            return Place.MARKDOWN
    return Place.PLAIN


def texts_in(texts: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield every text with its path."""
    if isinstance(texts, str):
        yield path, texts
        return
    for key, value in texts.items():
        yield from texts_in(value, (*path, key))


@dataclass
class Rendered(HTMLParser):
    """What a Markdown renderer made of a text: its tags, links, and the texts in and outside of code."""

    tags: set[str] = field(default_factory=set)
    started: Counter[str] = field(default_factory=Counter)
    links: set[str] = field(default_factory=set)
    code: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin before the first tag."""
        super().__init__()
        self._in_code = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.started[tag] += 1
        self.links |= {value or "" for name, value in attrs if name in ("href", "src")}
        if tag == "code":
            self._in_code = True
            self.code.append("")

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self._in_code = False

    @override
    def handle_data(self, data: str) -> None:
        if self._in_code:
            self.code[-1] += data
        else:
            self.text.append(data)


def render(text: str) -> Rendered:
    """Return what Markdown as the front end reads it makes of a text: bare addresses become links."""
    rendered = Rendered()
    rendered.feed(_MARKDOWN.render(text))
    return rendered


def expect_harmless(place: Place, text: str, own_links: set[str]) -> Rendered | None:
    """Assert that a text, as it is shown, has no link, image or markup that is not ours."""
    if place is Place.MARKDOWN:
        rendered = render(text)
        assert rendered.tags <= _TAGS, text
        assert rendered.links <= own_links, text
        assert not any("evil" in link for link in rendered.links), text
        return rendered
    assert text.translate(_NO_BREAK_SPACES).isprintable(), text
    return None


def fill(sentence: str, values: Mapping[str, str]) -> str:
    """Return a text with its placeholders filled; each must be given."""
    return re.sub(r"\{(\w+)\}", lambda place: values[place[1]], sentence)


def texts_of(result: Any, texts: Any) -> Iterator[tuple[Path, str]]:
    """Yield the texts that the front end shows for a step of a dialog, of the texts of that dialog."""
    match result["type"]:
        case "menu":
            yield from texts_in(texts["step"][result["step_id"]], ("step",))
        case "form":
            yield from texts_in(texts["step"][result["step_id"]], ("step",))
            for key in (result["errors"] or {}).values():
                yield ("error", key), texts["error"][key]
        case "abort":
            yield ("abort", result["reason"]), texts["abort"][result["reason"]]
        case "progress":
            key = result["progress_action"]
            yield ("progress", key), texts["progress"][key]


def expect_harmless_step(
    result: Any, texts: Any, values: Mapping[str, str] | None = None
) -> list[str]:
    """Assert that a step of a dialog shows no foreign markup; return what it shows in code.

    The values are the placeholders of the repair that the dialog belongs to.
    """
    given = {**(values or {}), **(result.get("description_placeholders") or {})}
    links = {value for name, value in given.items() if name.endswith("url")}
    # It holds nothing foreign, but a link of ours.
    links |= render(given.get("more", "")).links
    code = []
    for path, sentence in texts_of(result, texts):
        rendered = expect_harmless(place_of(path), fill(sentence, given), links)
        code += rendered.code if rendered else []
    return code
