"""Translate regular expressions of Rust's regex crate, without Unicode, to Python's."""

from functools import lru_cache
import re

from .errors import UnsupportedError

_ESCAPE = r"\\(?:[dDsSwWafnrtv]|x[0-9A-Fa-f]{2}|[^\w<>])"
# Does not match nested sets and set operators, which Python does not have.
_MEMBER = rf"(?:{_ESCAPE}|(?!&&|--|~~|\|\|)[^][\\])"
_SET = rf"\[\^?(?:\]|{_MEMBER}){_MEMBER}*\]"
_QUANTIFIER = r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})"
_FLAGS = re.compile(r"(?:\(\?[is]+\))?")
# Does not match double quantifiers such as a*+, which mean something else in Python.
_PIECE = re.compile(
    rf"""
      (?P<end>\$|\\z)
    | (?P<multibyte>[^\x00-\x7f])(?P<quantifier>(?:{_QUANTIFIER}\??)?)(?!{_QUANTIFIER})
    | (?:\((?:\?:)?|[|^]|\\[bB])(?!{_QUANTIFIER})
    | (?:{_SET}|{_ESCAPE}|[^[\\({{*+?^$|])(?:{_QUANTIFIER}\??)?(?!{_QUANTIFIER})
    """,
    re.VERBOSE | re.ASCII,
)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[bytes]:
    """Compile a pattern for octets; refuse one that means something else in Python."""
    flags = _FLAGS.match(pattern)
    assert flags is not None
    pieces = list(_PIECE.finditer(pattern, flags.end()))
    try:
        if flags[0] + "".join(piece[0] for piece in pieces) == pattern:
            return re.compile((flags[0] + "".join(map(_in_python, pieces))).encode())
    except re.error:
        pass
    raise UnsupportedError(f"the regular expression {pattern}")


def _in_python(piece: re.Match[str]) -> str:
    if piece["end"]:
        # Python's $ also matches before a line feed at the end of the text.
        return r"\Z"
    if piece["multibyte"]:
        # Group the octets of the character, so that the quantifier applies to all of them.
        return f"(?:{piece['multibyte']}){piece['quantifier']}"
    return piece[0]
