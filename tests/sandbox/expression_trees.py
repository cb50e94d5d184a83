"""Random rule expressions as trees, with their own evaluation and their text form.

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
    ip_network,
    summarize_address_range,
)
from random import Random
from typing import Any

from hypothesis import strategies as st

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network
type Request = Mapping[str, str | int | bool | Address]

STRINGS = ("http.host", "http.request.uri.path", "http.user_agent", "ip.src.country")
NUMBERS = ("ip.src.asnum",)
ADDRESSES = ("ip.src",)
BOOLEANS = (
    "cf.tls_client_auth.cert_revoked",
    "cf.tls_client_auth.cert_verified",
    "ssl",
)

_SIGNS = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "matches": "~",
    "and": "&&",
    "or": "||",
    "xor": "^^",
    "not": "!",
}
_PRECEDENCE = {"or": 0, "xor": 1, "and": 2, "not": 3}


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


# Evaluation


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


# Text form


def write(tree: Condition, random: Random, outer_precedence: int = 0) -> str:
    """Write a condition, with parentheses where needed and, at random, elsewhere."""
    match tree:
        case Join(operator, left, right):
            precedence = _PRECEDENCE[operator]
            text = _spaced(
                random,
                write(left, random, precedence),
                _sign(operator, random),
                write(right, random, precedence),
            )
        case Not(operand):
            precedence = _PRECEDENCE["not"]
            text = _spaced(
                random, _sign("not", random), write(operand, random, precedence)
            )
        case Bare(value):
            precedence, text = 9, _write_value(value, random)
        case In(left, members):
            precedence = 9
            listed = " ".join(_write_member(member, random) for member in members)
            text = f"{_write_value(left, random)} in {{{listed}}}"
        case Compare(left, operator, right):
            precedence = 9
            text = _spaced(
                random,
                _write_value(left, random),
                _sign(operator, random),
                _write_literal(right, random),
            )
    if precedence < outer_precedence or random.random() < 0.15:
        return f"( {text})" if random.random() < 0.3 else f"({text})"
    return text


def _spaced(random: Random, *parts: str) -> str:
    return random.choice((" ", " ", "  ", "\n", " \r\n")).join(parts)


def _sign(operator: str, random: Random) -> str:
    if operator in _SIGNS and random.random() < 0.4:
        return _SIGNS[operator]
    return operator


def _write_value(value: Any, random: Random) -> str:
    match value:
        case Field(name):
            return name
        case Apply(function, arguments):
            comma = random.choice((",", ", ", " , "))
            return f"{function}({comma.join(_write_value(each, random) for each in arguments)})"
    return _write_literal(value, random)


def _write_member(member: Any, random: Random) -> str:
    if isinstance(member, Span):
        return f"{_plain(member.first, random)}..{_plain(member.last, random)}"
    return _write_literal(member, random)


def _write_literal(literal: Any, random: Random) -> str:
    match literal:
        case Pattern(texts):
            escaped = (text.replace("\\", "\\\\").replace("*", "\\*") for text in texts)
            return _quoted("*".join(escaped), random)
        case Regex((at_start, at_end), pieces):
            body = "".join(kind + quantifier for kind, quantifier in pieces)
            text = f"{'^' if at_start else ''}{body}{'$' if at_end else ''}"
            return f'"{text}"' if random.random() < 0.5 else f'r"{text}"'
        case str():
            return _quoted(literal, random)
    return _plain(literal, random)


def _plain(literal: Any, random: Random) -> str:
    if isinstance(literal, int) and literal >= 0 and random.random() < 0.3:
        return f"0x{literal:X}"
    return str(literal)


def _quoted(text: str, random: Random) -> str:
    if _NOT_UTF_8 not in text and random.random() < 0.3:
        hashes = "#" * (text.count("#") + 1)
        return f'r{hashes}"{text}"{hashes}'
    return f'"{"".join(_escaped(character, random) for character in text)}"'


def _escaped(character: str, random: Random) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character == _NOT_UTF_8 or random.random() < 0.2:
        form = random.choice(("\\x{:02x}", "\\x{:02X}", "\\{:03o}"))
        return "".join(map(form.format, octets(character)))
    return character


# Random values

# Only few letters, so that values often match; and characters with a special meaning.
_LETTERS = 'aAbB*\\"#/.(){}$ ä€'
_NOT_UTF_8 = "\udcff"
_texts = st.text(f"{_LETTERS}{_NOT_UTF_8}", max_size=4)
_wire_texts = st.text(f"{_LETTERS}{_NOT_UTF_8}\n", max_size=6)
_ascii = st.text("aAbB.", max_size=6)
_numbers = st.integers(-3, 9) | st.sampled_from((64496, 2**63 - 1, -(2**63) + 1))
_addresses: st.SearchStrategy[Address] = st.sampled_from(
    [
        *(
            IPv4Address(f"10.0.{third}.{last}")
            for third in (0, 1)
            for last in (0, 1, 9)
        ),
        *(IPv6Address(f"2001:db8::{last}") for last in (0, 1, "f")),
        IPv6Address("::ffff:10.0.0.1"),
    ]
)
_networks: st.SearchStrategy[Network] = st.builds(
    lambda address, length: ip_network((address, length), strict=False),
    _addresses,
    st.sampled_from((0, 8, 24, 31, 32)),
)


def _spans(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[Span]:
    pairs = st.tuples(ends, ends).filter(lambda pair: type(pair[0]) is type(pair[1]))
    return pairs.map(lambda pair: Span(*sorted(pair)))


_fields = st.sampled_from(STRINGS).map(Field)
_strings: st.SearchStrategy[Field | Apply] = st.recursive(
    _fields,
    lambda inner: (
        st.builds(Apply, st.sampled_from(("lower", "upper")), st.tuples(inner))
        | st.builds(
            Apply,
            st.just("concat"),
            st.lists(inner | _texts, min_size=2, max_size=3).map(tuple),
        )
    ),
    max_leaves=3,
)
_integers = st.sampled_from(NUMBERS).map(Field) | st.builds(
    Apply, st.just("len"), st.tuples(_strings)
)
_orders = st.sampled_from(("eq", "ne", "lt", "le", "gt", "ge"))
_patterns = st.builds(
    Pattern,
    st.lists(_texts, min_size=1, max_size=3)
    # Cloudflare refuses two adjacent stars.
    .filter(lambda texts: all(texts[1:-1]))
    .map(tuple),
)
_regexes = st.builds(
    Regex,
    st.tuples(st.booleans(), st.booleans()),
    st.lists(
        st.tuples(
            st.sampled_from(("a", "B", ".", "[ab]")),
            st.sampled_from(("", "?", "*", "+")),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
)
_leaves: st.SearchStrategy[Condition] = st.one_of(
    st.sampled_from(BOOLEANS).map(lambda name: Bare(Field(name))),
    st.builds(
        lambda function, *arguments: Bare(Apply(function, arguments)),
        st.sampled_from(("starts_with", "ends_with")),
        _strings,
        _texts,
    ),
    st.builds(Compare, _strings, _orders | st.just("contains"), _texts),
    st.builds(
        Compare, _strings, st.sampled_from(("wildcard", "strict wildcard")), _patterns
    ),
    st.builds(Compare, _strings, st.just("matches"), _regexes),
    st.builds(Compare, _integers, _orders, _numbers),
    st.builds(Compare, st.sampled_from(ADDRESSES).map(Field), _orders, _addresses),
    st.builds(In, _strings, st.lists(_texts, max_size=3).map(tuple)),
    st.builds(
        In, _integers, st.lists(_numbers | _spans(_numbers), max_size=3).map(tuple)
    ),
    st.builds(
        In,
        st.sampled_from(ADDRESSES).map(Field),
        st.lists(_addresses | _networks | _spans(_addresses), max_size=3).map(tuple),
    ),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    _leaves,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(Join, st.sampled_from(("and", "or", "xor")), inner, inner)
    ),
    max_leaves=6,
)
requests: st.SearchStrategy[Request] = st.fixed_dictionaries(
    {
        **dict.fromkeys(STRINGS, _wire_texts),
        "ip.src.country": _ascii,
        **dict.fromkeys(NUMBERS, _numbers),
        **dict.fromkeys(ADDRESSES, _addresses),
        **dict.fromkeys(BOOLEANS, st.booleans()),
    }
)
