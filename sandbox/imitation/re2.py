"""Regular expressions as Go reads them (RE2), translated to Python's."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
import re
import sys

from .re2_classes import GROUPS, Re2Error, char_class, unicode_class

_REPEAT = re.compile(r"\{(0|[1-9][0-9]*)(?:(,)(0|[1-9][0-9]*)?)?\}")
_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_PERL = re.compile(r"\(\?[imsU]*(?:-[imsU]*)?.?", re.DOTALL)
_NAMED = re.compile(r"\(\?P?<([^>]*)>")
_HEX = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})")
_BAD_HEX = re.compile(r"\\x(?:\{[0-9A-Fa-f]*.?|[^{].?|)", re.DOTALL)
_OCTAL = re.compile(r"\\(0[0-7]{0,2}|[1-7][0-7]{1,2})")
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_MOST_REPEATS = 1000


@dataclass(frozen=True)
class _Flags:
    """The flags that hold where the reader is."""

    i: bool = False
    m: bool = False
    s: bool = False
    U: bool = False


@dataclass
class _Group:
    """A group that is not closed yet."""

    flags: _Flags
    pieces: list[str] = field(default_factory=list)
    repeats: int = 1
    """The largest product of repetitions inside each other, so far."""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile an expression; raise Re2Error for one that Go refuses."""
    return re.compile(_Translator(pattern).translate())


class _Translator:
    """Reads an expression from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._flags = _Flags()
        self._groups = [_Group(self._flags)]
        # The piece that a repetition would repeat: its place, and its own repetitions.
        self._last: tuple[int, int] | None = None
        self._last_repeat: int | None = None

    def translate(self) -> str:
        """Return the expression in Python's syntax."""
        while self._at < len(self._pattern):
            repeat_before, self._last_repeat = self._last_repeat, None
            self._step(self._pattern[self._at], repeat_before)
        if len(self._groups) > 1:
            raise Re2Error("missing closing )", self._pattern)
        return "".join(self._groups[0].pieces)

    def _step(self, char: str, repeat_before: int | None) -> None:
        match char:
            case "(":
                self._open()
            case ")":
                self._close()
            case "|":
                self._add_mark("|")
            case "^":
                self._add(r"(?m:^)" if self._flags.m else r"\A", 1)
            case "$":
                self._add(r"(?m:$)" if self._flags.m else r"\Z", 1)
            case ".":
                self._add(r"[\s\S]" if self._flags.s else r"[^\n]", 1)
            case "[":
                ranges, length = char_class(self._pattern, self._at, escaped)
                self._add(self._in_case(ranges), length)
            case "*" | "+" | "?":
                self._repeat(char, 1, None, repeat_before)
            case "{" if repeat := _REPEAT.match(self._pattern, self._at):
                self._count(repeat, repeat_before)
            case "\\":
                self._escape()
            case _:
                self._literal(char, 1)

    def _add(self, piece: str, length: int, repeats: int = 1) -> None:
        group = self._groups[-1]
        self._last = len(group.pieces), repeats
        group.pieces.append(f"(?:{piece})")
        group.repeats = max(group.repeats, repeats)
        self._at += length

    def _add_mark(self, mark: str) -> None:
        self._groups[-1].pieces.append(mark)
        self._last = None
        self._at += 1

    def _literal(self, char: str, length: int) -> None:
        self._add(self._in_case(re.escape(char)), length)

    def _in_case(self, piece: str) -> str:
        return f"(?i:{piece})" if self._flags.i else piece

    def _open(self) -> None:
        if not self._pattern.startswith("(?", self._at):
            self._begin(self._flags, 1)
        elif named := _NAMED.match(self._pattern, self._at):
            if not re.fullmatch(r"[A-Za-z0-9_]+", named[1]):
                raise Re2Error("invalid named capture", named[0])
            self._begin(self._flags, len(named[0]))
        elif flags := _FLAGS.match(self._pattern, self._at):
            changed = replace(
                self._flags,
                **dict.fromkeys(flags[1], True),
                **dict.fromkeys(flags[2] or "", False),
            )
            if flags[3] == ":":
                self._begin(self._flags, len(flags[0]))
            else:
                self._at += len(flags[0])
            self._flags = changed
        else:
            self._refuse_perl()

    def _refuse_perl(self) -> None:
        rest = self._pattern[self._at :]
        if re.match(r"\(\?(?:P<.|<.)", rest, re.DOTALL):
            raise Re2Error("invalid named capture", rest)
        perl = _PERL.match(rest)
        assert perl
        raise Re2Error("invalid or unsupported Perl syntax", perl[0])

    def _begin(self, flags: _Flags, length: int) -> None:
        self._groups.append(_Group(flags))
        self._last = None
        self._at += length

    def _close(self) -> None:
        if len(self._groups) == 1:
            raise Re2Error("unexpected )", self._pattern)
        group = self._groups.pop()
        self._flags = group.flags
        self._add("".join(group.pieces), 1, group.repeats)

    def _count(self, repeat: re.Match[str], repeat_before: int | None) -> None:
        least = int(repeat[1])
        most = least if repeat[2] is None else int(repeat[3] or -1)
        if max(least, most) > _MOST_REPEATS or 0 <= most < least:
            raise Re2Error("invalid repeat count", repeat[0])
        times = least if most < 0 else most
        self._repeat(repeat[0], len(repeat[0]), times, repeat_before)

    def _repeat(
        self, operator: str, length: int, times: int | None, repeat_before: int | None
    ) -> None:
        end = self._at + length
        is_lazy = self._pattern.startswith("?", end)
        end += is_lazy
        if repeat_before is not None:
            part = self._pattern[repeat_before:end]
            raise Re2Error("invalid nested repetition operator", part)
        if self._last is None:
            part = self._pattern[self._at : end]
            raise Re2Error("missing argument to repetition operator", part)
        place, repeats = self._last
        group = self._groups[-1]
        if times is not None and times > 1:
            repeats *= times
            if repeats > _MOST_REPEATS:
                part = self._pattern[self._at : end]
                raise Re2Error("invalid repeat count", part)
            group.repeats = max(group.repeats, repeats)
        mark = "?" if is_lazy != self._flags.U else ""
        group.pieces[place] = f"(?:{group.pieces[place]}{operator}{mark})"
        self._last = place, repeats
        self._last_repeat, self._at = self._at, end

    def _escape(self) -> None:
        two = self._pattern[self._at : self._at + 2]
        match two[1:]:
            case "A":
                self._add(r"\A", 2)
            case "z":
                self._add(r"\Z", 2)
            case "b" | "B":
                self._add(rf"(?a:{two})", 2)
            case "C":
                raise Re2Error("invalid escape sequence", two)
            case "Q":
                self._quote()
            case "p" | "P":
                ranges, length = unicode_class(self._pattern, self._at)
                self._add(self._in_case(ranges), length)
            case name if name.lower() in GROUPS and len(name) == 1:
                ranges = GROUPS[name.lower()]
                sign = "" if name.islower() else "^"
                self._add(self._in_case(f"[{sign}{ranges}]"), 2)
            case _:
                char, length = escaped(self._pattern, self._at)
                self._literal(char, length)

    def _quote(self) -> None:
        text, end, _ = self._pattern[self._at + 2 :].partition(r"\E")
        for char in text:
            self._literal(char, 0)
        self._at += 2 + len(text) + len(end)


def escaped(pattern: str, at: int) -> tuple[str, int]:
    """Return the character that an escape stands for, and the length of the escape."""
    if at + 1 == len(pattern):
        raise Re2Error("trailing backslash at end of expression", "")
    char = pattern[at + 1]
    if char in _CONTROLS:
        return chr(_CONTROLS[char]), 2
    if octal := _OCTAL.match(pattern, at):
        return chr(int(octal[1], 8)), len(octal[0])
    if hexadecimal := _HEX.match(pattern, at):
        digits = hexadecimal[1] or hexadecimal[2]
        for end in range(1, len(digits) + 1):
            if int(digits[:end], 16) > sys.maxunicode:
                raise Re2Error("invalid escape sequence", rf"\x{{{digits[:end]}")
        return chr(int(digits, 16)), len(hexadecimal[0])
    if char.isascii() and not char.isalnum():
        return char, 2
    bad = _BAD_HEX.match(pattern, at)
    raise Re2Error("invalid escape sequence", bad[0] if bad else pattern[at : at + 2])
