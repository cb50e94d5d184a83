"""Classes of characters in Go's regular expressions, written as Python's sets."""

from collections.abc import Callable
from functools import lru_cache
import re
import sys
import unicodedata

# What stands between the brackets of a Python set.
GROUPS = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t-\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_NAMED = re.compile(r"\[:(\^?)([a-z]+):\]")
_ANY_NAMED = re.compile(r"\[:.*?:\]", re.DOTALL)
_UNICODE = re.compile(r"\\([pP])(?:\{(\^?)([^}]*)\}|([^{]))")

type Escaped = Callable[[str, int], tuple[str, int]]


class Re2Error(ValueError):
    """Go refuses an expression, in these words."""

    def __init__(self, reason: str, part: str) -> None:
        """Put the reason as Go does."""
        super().__init__(f"error parsing regexp: {reason}: `{part}`")


def char_class(pattern: str, start: int, escaped: Escaped) -> tuple[str, int]:
    """Return a class in brackets as a Python set, and the length of it."""
    at = start + 1
    sign = ""
    if pattern.startswith("^", at):
        sign, at = "^", at + 1
    members, first = "", at
    while at >= len(pattern) or pattern[at] != "]" or at == first:
        member, length = _member(pattern, at, pattern[start:], escaped)
        members += member
        at += length
    return f"[{sign}{members}]", at + 1 - start


def unicode_class(pattern: str, at: int) -> tuple[str, int]:
    """Return a class of Unicode as a Python set, and the length of it; scripts are unknown here."""
    members, length = _unicode_members(pattern, at)
    return f"[{members}]", length


def negated(members: str) -> str:
    """Return what the inside of a Python set leaves out."""
    return _complement(re.compile(f"[{members}]"))


def _member(pattern: str, at: int, whole: str, escaped: Escaped) -> tuple[str, int]:
    if named := _ANY_NAMED.match(pattern, at):
        known = _NAMED.fullmatch(named[0])
        if not known or known[2] not in _POSIX:
            raise Re2Error("invalid character class range", named[0])
        members = _POSIX[known[2]]
        return negated(members) if known[1] else members, len(named[0])
    if pattern.startswith((r"\p", r"\P"), at):
        return _unicode_members(pattern, at)
    if (group := pattern[at + 1 : at + 2]).lower() in GROUPS and pattern[at] == "\\":
        members = GROUPS[group.lower()]
        return members if group.islower() else negated(members), 2
    return _range(pattern, at, whole, escaped)


def _range(pattern: str, at: int, whole: str, escaped: Escaped) -> tuple[str, int]:
    low, end = _char(pattern, at, whole, escaped)
    high = low
    if pattern.startswith("-", end) and pattern[end + 1 : end + 2] not in ("", "]"):
        high, end = _char(pattern, end + 1, whole, escaped)
        if high < low:
            raise Re2Error("invalid character class range", pattern[at:end])
    return f"{_code(low)}-{_code(high)}", end - at


def _char(pattern: str, at: int, whole: str, escaped: Escaped) -> tuple[str, int]:
    if at >= len(pattern):
        raise Re2Error("missing closing ]", whole)
    if pattern[at] == "\\":
        char, length = escaped(pattern, at)
        return char, at + length
    return pattern[at], at + 1


def _unicode_members(pattern: str, at: int) -> tuple[str, int]:
    match = _UNICODE.match(pattern, at)
    if match is None:
        raise Re2Error("invalid character class range", pattern[at:])
    name = match[3] if match[3] is not None else match[4]
    members = _category(name)
    if not members:
        raise Re2Error("invalid character class range", match[0])
    is_negated = (match[1] == "P") != bool(match[2])
    return negated(members) if is_negated else members, len(match[0])


@lru_cache(maxsize=64)
def _category(name: str) -> str:
    if name == "Any":
        return r"\x00-\U0010ffff"
    return _ranges(lambda char: unicodedata.category(char).startswith(name or "?"))


@lru_cache(maxsize=64)
def _complement(members: re.Pattern[str]) -> str:
    return _ranges(lambda char: not members.match(char))


def _ranges(contains: Callable[[str], object]) -> str:
    ranges: list[tuple[int, int]] = []
    for number in filter(lambda each: contains(chr(each)), range(sys.maxunicode + 1)):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return "".join(f"{_code(chr(low))}-{_code(chr(high))}" for low, high in ranges)


def _code(char: str) -> str:
    return f"\\U{ord(char):08x}"
