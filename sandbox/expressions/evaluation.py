"""Evaluate an expression for a request; strings are compared as octets."""

from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network
import operator
import re
from typing import Any

from .errors import UnsupportedError
from .regexes import compiled
from .tree import (
    Combination,
    Combiner,
    Comparison,
    Field,
    Function,
    IPAddress,
    Literal,
    Member,
    Membership,
    Node,
    Not,
    Operator,
    Range,
    Value,
)

type Request = Mapping[str, Value]
type _Datum = bytes | int | bool | IPAddress


def evaluate(node: Node, request: Request) -> Any:
    """Return the value of a part of an expression."""
    match node:
        case Field(name):
            return _as_octets(request[name])
        case Literal(value):
            return _as_octets(value)
        case Function(name, _, arguments):
            return _call(name, [evaluate(argument, request) for argument in arguments])
        case Comparison(left, Operator.MATCHES, right):
            return compiled(str(right)).search(evaluate(left, request)) is not None
        case Comparison(left, comparator, right):
            return _COMPARE[comparator](evaluate(left, request), _as_octets(right))
        case Membership(left, members):
            value = evaluate(left, request)
            return any(_is_member(value, member) for member in members)
        case Not(operand):
            return not evaluate(operand, request)
        case Combination(left, Combiner.AND, right):
            return evaluate(left, request) and evaluate(right, request)
        case Combination(left, Combiner.OR, right):
            return evaluate(left, request) or evaluate(right, request)
        case Combination(left, _, right):
            return evaluate(left, request) != evaluate(right, request)


def _as_octets(value: Value) -> _Datum:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def _call(name: str, values: list[Any]) -> _Datum:
    match name, values:
        case "lower", [bytes() as text]:
            return text.lower()
        case "upper", [bytes() as text]:
            return text.upper()
        case "len", [bytes() as text]:
            return len(text)
        case "concat", texts:
            return b"".join(texts)
        case "starts_with", [bytes() as text, start]:
            return text.startswith(start)
        case "ends_with", [bytes() as text, end]:
            return text.endswith(end)
    raise UnsupportedError(f"{name}() with {len(values)} arguments")


def _within_family(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Return a comparison that is false for addresses of different families."""
    return lambda left, right: type(left) is type(right) and compare(left, right)


def _wildcard(text: bytes, pattern: bytes) -> bool:
    parts = re.findall(rb"\\[*\\]|\*|[^*\\]+|\\", pattern)
    translated = b"".join(
        b".*" if part == b"*" else re.escape(re.sub(rb"\\([*\\])", rb"\1", part))
        for part in parts
    )
    return re.fullmatch(translated, text, re.DOTALL) is not None


def _is_member(value: Any, member: Member) -> bool:
    match member:
        case Range(first, last):
            return type(value) is type(first) and first <= value <= last
        case IPv4Network() | IPv6Network():
            return value in member
    return bool(value == _as_octets(member))


_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: _within_family(operator.lt),
    Operator.LE: _within_family(operator.le),
    Operator.GT: _within_family(operator.gt),
    Operator.GE: _within_family(operator.ge),
    Operator.CONTAINS: operator.contains,
    Operator.WILDCARD: lambda text, pattern: _wildcard(text.lower(), pattern.lower()),
    Operator.STRICT_WILDCARD: _wildcard,
}
