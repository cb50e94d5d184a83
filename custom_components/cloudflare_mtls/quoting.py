"""Shows text that others wrote, so that it is read and does nothing else (pure).

Dialogs and repairs of Home Assistant render descriptions as Markdown, and titles and errors as they
are. So two things keep foreign text from becoming a link or an image: here it becomes one short line
without backticks, and the translations put each such placeholder into backticks wherever Markdown is
rendered. Only text of the type Ours is left as it is.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from .engine.api.names import in_letters

# As much as the state of an entity can hold.
MAX_LENGTH: Final = 250
_CUT: Final = "…"
_NOTHING: Final = "–"


class Ours(str):
    """Text of our own, which may be Markdown; what others wrote stands in it as code."""

    __slots__ = ()


def shown(placeholders: Mapping[str, str]) -> dict[str, str]:
    """Return placeholders as a person may see them: what is not ours becomes one short line."""
    return {
        name: value if isinstance(value, Ours) else plain(value)
        for name, value in placeholders.items()
    }


def plain(text: str) -> str:
    """Return foreign text as one short line; a cut can be seen.

    Names of DNS are in their own letters. Line breaks become blanks, backticks become apostrophes.
    Control characters and those that change the direction of the text or take no place are left out.
    """
    # The rest of a very long text is not even read.
    begin = in_letters(text[: 4 * MAX_LENGTH])
    kept = "".join(char for char in begin if char.isprintable() or char.isspace())
    line = " ".join(kept.replace("`", "'").split())
    if len(line) > MAX_LENGTH or len(text) > 4 * MAX_LENGTH:
        line = line[: MAX_LENGTH - len(_CUT)].rstrip() + _CUT
    return line or _NOTHING


def quoted(text: str) -> str:
    """Return foreign text as Markdown code, so that none of it is taken for Markdown."""
    return f"`{plain(text)}`"


def listed(items: Iterable[str]) -> Ours:
    """Return foreign texts as a list in Markdown."""
    return Ours("\n".join(f"- {quoted(item)}" for item in items))
