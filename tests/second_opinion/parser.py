"""Parses expressions of Cloudflare's rules language, as its reference and its published grammar describe it."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
import re
from typing import Final

from .language import (
    ADDRESS,
    BOOLEAN,
    EACH,
    FIELDS,
    FUNCTIONS,
    INTEGER,
    STRING,
    Address,
    Call,
    Combination,
    Comparison,
    Constant,
    Each,
    Kind,
    NamedList,
    Negation,
    Operand,
    Operator,
    Quantifier,
    Span,
    Test,
    Truth,
    Value,
)
from .literals import as_regular_expression, as_wildcard, integer, quoted

# Spaces and line breaks separate words; a tab does not.
_SPACE: Final = re.compile(r"[ \r\n]*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_LIST: Final = re.compile(r"\$([a-z0-9_.]+)")
_RAW: Final = re.compile(r'r(#*)"(.*?)"\1', re.DOTALL)
_HEX: Final = re.compile(r"[0-9A-Fa-f]{2}(?:[:.-][0-9A-Fa-f]{2})+")
_INTEGER: Final = re.compile(r"0x[0-9A-Fa-f]+|-?[0-9A-Fa-f]+")
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:./]+")

_WEAKEST_FIRST: Final = (("or", "||"), ("xor", "^^"), ("and", "&&"))
_NOT: Final = ("not", "!")
_ORDERINGS: Final[tuple[tuple[str, Operator], ...]] = (
    ("eq", "eq"), ("==", "eq"), ("ne", "ne"), ("!=", "ne"), ("ge", "ge"), (">=", "ge"),
    ("le", "le"), ("<=", "le"), ("gt", "gt"), (">", "gt"), ("lt", "lt"), ("<", "lt"),
)  # fmt: skip


class NotUnderstoodError(ValueError):
    """The expression is none of the language, or uses a part of it that is not covered here."""


def parse(expression: str) -> Test:
    """Return the tree of an expression.

    Raises NotUnderstoodError.
    """
    reader = _Reader(expression.strip())
    try:
        test = reader.combination()
    except ValueError as error:
        raise NotUnderstoodError(f"{error}: {expression}") from error
    if not reader.is_at_end or _is_of_each(test):
        raise NotUnderstoodError(f"{reader.rest!r} is left of {expression}")
    return test


def _is_of_each(test: Test) -> bool:
    """Return whether a test has an answer for each of several elements."""
    match test:
        case Comparison(value):
            return value.is_mapped
        case Truth(value):
            return value.kind != BOOLEAN
        case Negation(inner):
            return _is_of_each(inner)
        case Combination(_, tests):
            return _is_of_each(tests[0])
    return False


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def rest(self) -> str:
        return self._text[self._at :]

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._text)

    def _skip(self) -> None:
        if match := _SPACE.match(self._text, self._at):
            self._at = match.end()

    def _take(self, *words: str) -> bool:
        """Return whether one of the words comes next, and pass it."""
        for word in words:
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise NotUnderstoodError(f"{word!r} expected before {self.rest!r}")

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if not match:
            raise NotUnderstoodError(f"{self.rest!r} unexpected")
        self._at = match.end()
        return match.group()

    def combination(self, level: int = 0) -> Test:
        """Read tests joined by operators that bind at least as tightly as the level."""
        if level == len(_WEAKEST_FIRST):
            return self._single()
        words = _WEAKEST_FIRST[level]
        tests = [self.combination(level + 1)]
        while True:
            before = self._at
            self._skip()
            if not self._take(*words):
                self._at = before
                break
            self._skip()
            tests.append(self.combination(level + 1))
        return tests[0] if len(tests) == 1 else Combination(words[0], tuple(tests))

    def _single(self) -> Test:
        if self._take("("):
            self._skip()
            test = self.combination()
            self._skip()
            self._need(")")
            return test
        if self._take(*_NOT):
            self._skip()
            return Negation(self._single())
        name = _NAME.match(self._text, self._at)
        if name and name.group() in ("any", "all"):
            self._at = name.end()
            return self._quantifier(every=name.group() == "all")
        return self._test_of(self._value())

    def _quantifier(self, *, every: bool) -> Test:
        self._skip()
        self._need("(")
        self._skip()
        test = self._single()
        self._skip()
        self._need(")")
        if not _is_of_each(test):
            raise NotUnderstoodError("a quantifier needs several elements")
        return Quantifier(every, test)

    def _value(self) -> Value:
        name = self._match(_NAME)
        source: str | Call = name
        if kind := FIELDS.get(name):
            pass
        elif kind := FUNCTIONS.get(name):
            arguments = self._arguments()
            source = Call(name, arguments)
            if isinstance(arguments[0], Value) and arguments[0].is_mapped:
                kind = ("array", *kind)
        else:
            raise NotUnderstoodError(f"{name} unknown")
        steps: list[str | int | Each] = []
        while self._take("["):
            self._skip()
            step = self._step()
            container, *inner = kind
            if (
                container not in ("map", "array")
                or (isinstance(step, str) and container != "map")
                or (isinstance(step, int) and container != "array")
            ):
                raise NotUnderstoodError(f"{step} of a {container}")
            kind = tuple(inner)
            steps.append(step)
            self._skip()
            self._need("]")
        return Value(source, tuple(steps), kind)

    def _step(self) -> str | int | Each:
        if self._take("*"):
            return EACH
        if self._text.startswith('"', self._at):
            return self._string().decode()
        return integer(self._match(_INTEGER))

    def _arguments(self) -> tuple[Value | Constant | Test, ...]:
        self._skip()
        self._need("(")
        self._skip()
        arguments = [self._argument()]
        self._skip()
        while self._take(","):
            self._skip()
            arguments.append(self._argument())
            self._skip()
        self._need(")")
        return tuple(arguments)

    def _argument(self) -> Value | Constant | Test:
        if self._text.startswith('"', self._at) or _RAW.match(self._text, self._at):
            return Constant(self._string())
        if _NAME.match(self._text, self._at):
            return self._value()
        return Constant(integer(self._match(_INTEGER)))

    def _test_of(self, value: Value) -> Test:
        """Read what follows a value: nothing if it is a boolean, else an operator and its literals."""
        if value.kind in (BOOLEAN, ("array", *BOOLEAN)):
            return Truth(value)
        self._skip()
        kind = value.kind
        if self._take("in"):
            self._skip()
            operand = self._set(kind)
            named = isinstance(operand, NamedList)
            return Comparison(value, "in" if named else "one of", operand)
        for word, operator in _ORDERINGS:
            if self._take(word):
                self._skip()
                return Comparison(value, operator, self._literal(kind))
        if kind == INTEGER and self._take("&", "bitwise_and"):
            self._skip()
            return Comparison(value, "and", integer(self._match(_INTEGER)))
        if kind != STRING:
            raise NotUnderstoodError(f"no operator for {kind} before {self.rest!r}")
        if self._take("contains"):
            self._skip()
            return Comparison(value, "contains", self._string())
        return Comparison(value, "pattern", self._pattern())

    def _pattern(self) -> re.Pattern[bytes]:
        if self._take("~", "matches"):
            self._skip()
            if raw := _RAW.match(self._text, self._at):
                self._at = raw.end()
                return as_regular_expression(raw.group(2))
            self._need('"')
            source = self._match(re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL))
            self._need('"')
            return as_regular_expression(source.replace('\\"', '"'))
        for word, strict in (("wildcard", False), ("strict wildcard", True)):
            if self._take(word):
                self._skip()
                return as_wildcard(self._string(in_hex=False), strict=strict)
        raise NotUnderstoodError(f"no operator before {self.rest!r}")

    def _literal(self, kind: Kind) -> bytes | int | Address:
        if kind == STRING:
            return self._string()
        if kind == INTEGER:
            return integer(self._match(_INTEGER))
        if kind == ADDRESS:
            return ip_address(self._match(_ADDRESS))
        raise NotUnderstoodError(f"no literal of {kind}")

    def _string(self, *, in_hex: bool = True) -> bytes:
        if raw := _RAW.match(self._text, self._at):
            self._at = raw.end()
            return raw.group(2).encode()
        if self._take('"'):
            text, length = quoted(self.rest)
            self._at += length
            return text
        if not in_hex:
            raise NotUnderstoodError(f"a string expected before {self.rest!r}")
        return bytes.fromhex(re.sub(r"[:.-]", "", self._match(_HEX)))

    def _set(self, kind: Kind) -> Operand:
        if match := _LIST.match(self._text, self._at):
            self._at = match.end()
            return NamedList(match.group(1))
        if kind == STRING:
            return frozenset(self._items(self._string))
        if kind == INTEGER:
            return tuple(self._items(self._integers))
        if kind == ADDRESS:
            return tuple(self._items(self._addresses))
        raise NotUnderstoodError(f"no set of {kind}")

    def _items[ItemT](self, read: Callable[[], ItemT]) -> list[ItemT]:
        self._need("{")
        items: list[ItemT] = []
        while True:
            self._skip()
            if self._take("}"):
                return items
            items.append(read())

    def _integers(self) -> Span:
        first = integer(self._match(_INTEGER))
        last = integer(self._match(_INTEGER)) if self._take("..") else first
        return Span(first, last)

    def _addresses(self) -> Span:
        first, dots, last = self._match(_ADDRESS).partition("..")
        if dots:
            return Span(ip_address(first), ip_address(last))
        network = ip_network(first)
        return Span(network[0], network[-1])
