"""Split an expression's text into tokens: words, signs and literals."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
import re

from .errors import UnsupportedError


class Kind(StrEnum):
    """The kind of a token; the values name groups of the token pattern."""

    RAW = "raw"
    QUOTED = "quoted"
    WORD = "word"
    SIGN = "sign"


@dataclass(frozen=True)
class Token:
    """A piece of an expression's text."""

    kind: Kind
    text: str


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<raw>r(?P<hashes>\#*)"(?:.*?)"(?P=hashes))
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<word>[\w.:/$\[\]*-]+)
      | (?P<sign>[=!<>]=|&&|\|\||\^\^|.)
    )""",
    re.VERBOSE | re.DOTALL,
)


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a valid expression."""
    for found in _TOKEN.finditer(text.rstrip()):
        kind = next(kind for kind in Kind if found[kind] is not None)
        yield Token(kind, found[kind])


def without_outer_parentheses(text: str) -> str:
    """Remove the parentheses around a whole expression, as Cloudflare does when storing it."""
    text = text.strip()
    found = list(tokens(text))
    while found[0].text == "(" and _closing(found) == len(found) - 1:
        text = text[1:-1].strip()
        found = list(tokens(text))
    return text


def _closing(found: list[Token]) -> int:
    depth = 0
    for index, token in enumerate(found):
        if token.kind is Kind.SIGN:
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0:
            return index
    raise UnsupportedError("unbalanced parentheses")
