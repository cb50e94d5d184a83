"""Regular expressions of Rust's regex crate without Unicode, in Python's terms."""

from functools import lru_cache
import re

from .errors import UnsupportedError

_ESCAPE = r"\\(?:[dDsSwWafnrtv]|x[0-9A-Fa-f]{2}|[^\w<>])"
# Sets in sets and their operators, which Python has not, are no match.
_MEMBER = rf"(?:{_ESCAPE}|(?!&&|--|~~|\|\|)[^][\\])"
_SET = rf"\[\^?(?:\]|{_MEMBER}){_MEMBER}*\]"
_OFTEN = r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})"
_FLAGS = re.compile(r"(?:\(\?[is]+\))?")
# What is quantified twice, as in a*+, means something else in Python, and is no match.
_PIECE = re.compile(
    rf"""
      (?P<end>\$|\\z)
    | (?P<wide>[^\x00-\x7f])(?P<often>(?:{_OFTEN}\??)?)(?!{_OFTEN})
    | (?:\((?:\?:)?|[|^]|\\[bB])(?!{_OFTEN})
    | (?:{_SET}|{_ESCAPE}|[^[\\({{*+?^$|])(?:{_OFTEN}\??)?(?!{_OFTEN})
    """,
    re.VERBOSE | re.ASCII,
)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[bytes]:
    """Prepare to search in octets; what Python would understand otherwise is refused."""
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
        # Python's $ also matches before a line feed that ends the text.
        return r"\Z"
    if piece["wide"]:
        # What is several octets is quantified as one.
        return f"(?:{piece['wide']}){piece['often']}"
    return piece[0]
