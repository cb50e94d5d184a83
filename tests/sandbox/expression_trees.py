"""Rule expressions as trees, and whether a request meets them.

This module is independent of the sandbox's parser and evaluator, which are tested against it.
Values are compared as Cloudflare documents it: strings by octets, upper and lower case only
for ASCII letters, addresses within their family.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    summarize_address_range,
)
from typing import Any

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network
type Request = Mapping[str, str | int | bool | Address]


@dataclass(frozen=True)
class Field:
    """A property of the request."""

    name: str


@dataclass(frozen=True)
class Apply:
    """A function of fields and texts."""

    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Pattern:
    """A wildcard pattern: texts with a star between them."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Regex:
    """A regular expression: pieces of `a`, `.`, `[ab]`, each with `?`, `*`, `+` or nothing."""

    anchored: tuple[bool, bool]
    pieces: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Compare:
    """A value compared with a literal."""

    left: Field | Apply
    operator: str
    right: Any


@dataclass(frozen=True)
class Span:
    """A range of literals, both ends included."""

    first: Any
    last: Any


@dataclass(frozen=True)
class In:
    """A test whether a value is in a list."""

    left: Field | Apply
    members: tuple[Any, ...]


@dataclass(frozen=True)
class Bare:
    """A field or function that is a condition by itself."""

    value: Field | Apply


@dataclass(frozen=True)
class Not:
    """A negation."""

    operand: Condition


@dataclass(frozen=True)
class Join:
    """Two conditions with and, or or xor between them."""

    operator: str
    left: Condition
    right: Condition


type Condition = Compare | In | Bare | Not | Join


def holds(tree: Condition, request: Request) -> bool:
    """Return whether a condition is true for a request."""
    match tree:
        case Bare(value):
            return bool(_value(value, request))
        case Compare(left, operator, right):
            return _compares(operator, _value(left, request), right)
        case In(left, members):
            return any(_is_in(_value(left, request), member) for member in members)
        case Not(operand):
            return not holds(operand, request)
        case Join(operator, left, right):
            truths = [holds(left, request), holds(right, request)]
            return {"and": all(truths), "or": any(truths), "xor": sum(truths) == 1}[
                operator
            ]


def _value(value: Any, request: Request) -> Any:
    match value:
        case Field(name):
            found = request[name]
            return octets(found) if isinstance(found, str) else found
        case Apply(function, arguments):
            return _apply(function, [_value(each, request) for each in arguments])
    return octets(value)


def octets(text: str) -> bytes:
    """Return the octets of a text, in which surrogates stand for octets that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def _apply(function: str, values: list[bytes]) -> Any:
    match function:
        case "lower":
            return values[0].lower()
        case "upper":
            return values[0].upper()
        case "len":
            return len(values[0])
        case "concat":
            return b"".join(values)
        case "starts_with":
            return values[0][: len(values[1])] == values[1]
        case _:
            return values[0][len(values[0]) - len(values[1]) :] == values[1] or (
                not values[1]
            )


def _compares(operator: str, left: Any, right: Any) -> bool:
    match operator:
        case "wildcard":
            texts = [octets(text).lower() for text in right.texts]
            return _is_pattern(texts, left.lower())
        case "strict wildcard":
            return _is_pattern([octets(text) for text in right.texts], left)
        case "matches":
            # latin-1 makes one character of each octet.
            return _is_regex(right, left.decode("latin-1"))
        case "contains":
            return any(
                left[start:].startswith(octets(right)) for start in range(len(left) + 1)
            )
    right = octets(right) if isinstance(right, str) else right
    if type(left) is not type(right):
        return operator == "ne"
    order = int(left > right) - int(left < right)
    return {
        "eq": order == 0,
        "ne": order != 0,
        "lt": order < 0,
        "le": order <= 0,
        "gt": order > 0,
        "ge": order >= 0,
    }[operator]


def _is_in(value: Any, member: Any) -> bool:
    match member:
        case Span(first, last):
            if isinstance(value, int):
                return bool(value in range(first, last + 1))
            networks = collapse_addresses(summarize_address_range(first, last))
            return any(_is_in(value, network) for network in networks)
        case IPv4Network() | IPv6Network():
            return value.version == member.version and (
                int(value) >> (member.max_prefixlen - member.prefixlen)
                == int(member.network_address)
                >> (member.max_prefixlen - member.prefixlen)
            )
        case str():
            return bool(value == octets(member))
    return bool(value == member)


def _is_pattern(texts: list[bytes], value: bytes) -> bool:
    """Return whether a value consists of the texts, with anything between them."""
    first, *others = texts
    if not value.startswith(first):
        return False
    rest = value[len(first) :]
    if not others:
        return not rest
    return any(_is_pattern(others, rest[start:]) for start in range(len(rest) + 1))


def _is_regex(regex: Regex, value: str) -> bool:
    at_start, at_end = regex.anchored
    starts = [0] if at_start else range(len(value) + 1)
    return any(
        _matches_from_start(regex.pieces, at_end, value[start:]) for start in starts
    )


def _matches_from_start(
    pieces: tuple[tuple[str, str], ...], at_end: bool, value: str
) -> bool:
    if not pieces:
        return not (at_end and value)
    (kind, quantifier), *others = pieces
    fits = bool(value) and value[0] in _characters(kind, value[0])
    if quantifier in ("?", "*") and _matches_from_start(tuple(others), at_end, value):
        return True
    if not fits:
        return False
    again = {"*": ((kind, "*"),), "+": ((kind, "*"),)}.get(quantifier, ())
    return _matches_from_start((*again, *others), at_end, value[1:])


def _characters(kind: str, any_one: str) -> str:
    return {".": any_one.strip("\n")}.get(kind, kind.strip("[]"))
