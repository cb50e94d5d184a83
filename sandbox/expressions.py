"""Cloudflare's rule expressions: parsed by its own parser, evaluated here.

The parser that Cloudflare publishes decides what is valid. It cannot evaluate, so a
smaller parser of ours reads the same text into a tree; what that one does not know is
`UnsupportedError`, never a guess.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
import operator
import re
from typing import Any

from octorules_wirefilter import parse_expression

type IPAddress = IPv4Address | IPv6Address
type Value = str | int | bool | IPAddress
type Request = Mapping[str, Value]

STRING_FIELDS = frozenset(
    {
        "cf.tls_client_auth.cert_chain_rfc9440",
        "cf.tls_client_auth.cert_fingerprint_sha1",
        "cf.tls_client_auth.cert_fingerprint_sha256",
        "cf.tls_client_auth.cert_issuer_dn",
        "cf.tls_client_auth.cert_issuer_dn_legacy",
        "cf.tls_client_auth.cert_issuer_dn_rfc2253",
        "cf.tls_client_auth.cert_issuer_serial",
        "cf.tls_client_auth.cert_issuer_ski",
        "cf.tls_client_auth.cert_not_after",
        "cf.tls_client_auth.cert_not_before",
        "cf.tls_client_auth.cert_rfc9440",
        "cf.tls_client_auth.cert_serial",
        "cf.tls_client_auth.cert_ski",
        "cf.tls_client_auth.cert_subject_dn",
        "cf.tls_client_auth.cert_subject_dn_legacy",
        "cf.tls_client_auth.cert_subject_dn_rfc2253",
        "cf.tls_version",
        "http.cookie",
        "http.host",
        "http.referer",
        "http.request.full_uri",
        "http.request.method",
        "http.request.uri",
        "http.request.uri.path",
        "http.request.uri.query",
        "http.request.version",
        "http.user_agent",
        "http.x_forwarded_for",
        "ip.geoip.country",
        "ip.src.country",
        "raw.http.request.full_uri",
        "raw.http.request.uri",
        "raw.http.request.uri.path",
        "raw.http.request.uri.query",
    }
)
BOOLEAN_FIELDS = frozenset(
    {
        "cf.edge.client_tcp",
        "cf.tls_client_auth.cert_chain_rfc9440_too_large",
        "cf.tls_client_auth.cert_presented",
        "cf.tls_client_auth.cert_revoked",
        "cf.tls_client_auth.cert_rfc9440_too_large",
        "cf.tls_client_auth.cert_verified",
        "ssl",
    }
)
NUMBER_FIELDS = frozenset({"ip.geoip.asnum", "ip.src.asnum"})
ADDRESS_FIELDS = frozenset({"ip.src"})


class InvalidError(Exception):
    """Cloudflare's parser refuses the expression."""


class UnsupportedError(Exception):
    """The expression is valid, but the sandbox cannot evaluate it."""


class Type(StrEnum):
    """What a field or function yields."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ADDRESS = "address"


class Operator(StrEnum):
    """What compares a value with one literal."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    CONTAINS = "contains"
    MATCHES = "matches"
    WILDCARD = "wildcard"
    STRICT_WILDCARD = "strict wildcard"


class Combiner(StrEnum):
    """What combines two conditions, the one that binds least first."""

    OR = "or"
    XOR = "xor"
    AND = "and"


@dataclass(frozen=True)
class Field:
    """A property of the request."""

    name: str
    type: Type


@dataclass(frozen=True)
class Literal:
    """A string, number or address written out."""

    value: Value


@dataclass(frozen=True)
class Function:
    """A function with its arguments."""

    name: str
    type: Type
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Comparison:
    """A value compared with a literal."""

    left: Node
    operator: Operator
    right: Value


@dataclass(frozen=True)
class Range:
    """All values from one to another, both included."""

    first: Any
    last: Any


@dataclass(frozen=True)
class Membership:
    """A value looked for in a list."""

    left: Node
    members: tuple[Value | Range | IPv4Network | IPv6Network, ...]


@dataclass(frozen=True)
class Not:
    """A negation."""

    operand: Node


@dataclass(frozen=True)
class Combination:
    """Two conditions combined."""

    left: Node
    combiner: Combiner
    right: Node


type Node = Field | Literal | Function | Comparison | Membership | Not | Combination


@dataclass(frozen=True)
class Expression:
    """A parsed expression, ready for evaluation."""

    root: Node
    operators: frozenset[str]

    def matches(self, request: Request) -> bool:
        """Tell whether a request satisfies it."""
        return bool(_evaluate(self.root, request))


def parse(text: str) -> Expression:
    """Parse an expression, or raise InvalidError or UnsupportedError."""
    facts = parse_expression(text)
    if error := facts.get("error"):
        raise InvalidError(error)
    return Expression(_Parser(text).parse(), frozenset(facts["operators"]))


def without_outer_parentheses(text: str) -> str:
    """Strip what Cloudflare strips from a valid expression before keeping it."""
    text = text.strip()
    tokens = list(_tokens(text))
    while tokens[0].text == "(" and _closing(tokens) == len(tokens) - 1:
        text = text[1:-1].strip()
        tokens = list(_tokens(text))
    return text


# Reading


class Kind(StrEnum):
    """What a token is; the values name groups of the token pattern."""

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

_SIGNS = {
    "==": Operator.EQ,
    "!=": Operator.NE,
    "<": Operator.LT,
    "<=": Operator.LE,
    ">": Operator.GT,
    ">=": Operator.GE,
    "~": Operator.MATCHES,
}
_COMBINERS = {
    "or": Combiner.OR,
    "||": Combiner.OR,
    "xor": Combiner.XOR,
    "^^": Combiner.XOR,
    "and": Combiner.AND,
    "&&": Combiner.AND,
}
_FUNCTIONS = {
    "concat": Type.STRING,
    "ends_with": Type.BOOLEAN,
    "len": Type.NUMBER,
    "lower": Type.STRING,
    "starts_with": Type.BOOLEAN,
    "upper": Type.STRING,
}
_FIELDS = (
    dict.fromkeys(STRING_FIELDS, Type.STRING)
    | dict.fromkeys(BOOLEAN_FIELDS, Type.BOOLEAN)
    | dict.fromkeys(NUMBER_FIELDS, Type.NUMBER)
    | dict.fromkeys(ADDRESS_FIELDS, Type.ADDRESS)
)


def _tokens(text: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(text.rstrip()):
        kind = next(kind for kind in Kind if found[kind] is not None)
        yield Token(kind, found[kind])


def _closing(tokens: list[Token]) -> int:
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind is Kind.SIGN:
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0:
            return index
    raise UnsupportedError("unbalanced parentheses")


class _Parser:
    """A recursive descent over the tokens of a valid expression."""

    def __init__(self, text: str) -> None:
        self._rest = list(_tokens(text))[::-1]

    def parse(self) -> Node:
        node = self._combination(tuple(Combiner))
        if self._rest:
            raise UnsupportedError(f"'{self._rest[-1].text}'")
        return node

    def _next(self) -> str:
        return self._rest[-1].text if self._rest else ""

    def _take(self) -> Token:
        if not self._rest:
            raise UnsupportedError("an unfinished expression")
        return self._rest.pop()

    def _accept(self, *texts: str) -> bool:
        if self._next() not in texts:
            return False
        self._take()
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise UnsupportedError(f"'{self._next()}' instead of '{text}'")

    def _combination(self, combiners: tuple[Combiner, ...]) -> Node:
        if not combiners:
            return self._negation()
        combiner, *tighter = combiners
        node = self._combination(tuple(tighter))
        while _COMBINERS.get(self._next()) is combiner:
            self._take()
            node = Combination(node, combiner, self._combination(tuple(tighter)))
        return node

    def _negation(self) -> Node:
        if self._accept("not", "!"):
            return Not(self._negation())
        if self._accept("("):
            node = self._combination(tuple(Combiner))
            self._expect(")")
            return node
        return self._condition()

    def _condition(self) -> Node:
        left = self._operand()
        if left.type is Type.BOOLEAN:
            return left
        if self._accept("in"):
            return Membership(left, self._members(left.type))
        comparator = self._comparator()
        return Comparison(left, comparator, self._right(left.type, comparator))

    def _operand(self) -> Field | Function:
        name = self._take().text
        if not self._accept("("):
            if name not in _FIELDS:
                raise UnsupportedError(f"the field {name}")
            return Field(name, _FIELDS[name])
        if name not in _FUNCTIONS:
            raise UnsupportedError(f"the function {name}()")
        arguments = [self._argument()]
        while self._accept(","):
            arguments.append(self._argument())
        self._expect(")")
        return Function(name, _FUNCTIONS[name], tuple(arguments))

    def _argument(self) -> Node:
        if self._rest and self._rest[-1].kind in (Kind.RAW, Kind.QUOTED):
            return Literal(_literal(Type.STRING, self._take()))
        return self._operand()

    def _comparator(self) -> Operator:
        text = self._take().text
        if text == "strict":
            text = f"strict {self._take().text}"
        if text in _SIGNS:
            return _SIGNS[text]
        if text not in Operator:
            raise UnsupportedError(f"the operator {text}")
        return Operator(text)

    def _right(self, kind: Type, comparator: Operator) -> Value:
        token = self._take()
        if comparator is Operator.MATCHES:
            return _regular_expression(token)
        return _literal(kind, token)

    def _members(self, kind: Type) -> tuple[Any, ...]:
        if not self._accept("{"):
            raise UnsupportedError(f"the list {self._next()}")
        members = []
        while not self._accept("}"):
            members.append(_member(kind, self._take()))
        return tuple(members)


def _literal(kind: Type, token: Token) -> Value:
    match kind, token.kind:
        case Type.STRING, Kind.RAW:
            return token.text[1:].strip("#")[1:-1]
        case Type.STRING, Kind.QUOTED:
            return re.sub(
                r"\\(x[0-9a-fA-F]{2}|[0-7]{3}|.)", _unescaped, token.text[1:-1]
            )
        case Type.NUMBER, Kind.WORD:
            return int(token.text, 0)
        case Type.ADDRESS, Kind.WORD:
            return ip_address(token.text)
    raise UnsupportedError(f"the literal {token.text}")


def _regular_expression(token: Token) -> str:
    # A quoted regular expression keeps its backslashes.
    quoted = token.kind is Kind.QUOTED
    pattern = (
        token.text[1:-1].replace('\\"', '"')
        if quoted
        else str(_literal(Type.STRING, token))
    )
    try:
        re.compile(pattern)
    except re.error:
        raise UnsupportedError(f"the regular expression {token.text}") from None
    return pattern


def _unescaped(found: re.Match[str]) -> str:
    match found[1]:
        case '"' | "\\" as character:
            return character
        case code if code.startswith("x"):
            return chr(int(code[1:], 16))
        case code:
            return chr(int(code, 8))


def _member(kind: Type, token: Token) -> Value | Range | IPv4Network | IPv6Network:
    if token.kind is Kind.WORD:
        first, dots, last = token.text.partition("..")
        if dots:
            word = Kind.WORD
            return Range(
                _literal(kind, Token(word, first)), _literal(kind, Token(word, last))
            )
        if kind is Type.ADDRESS and "/" in token.text:
            return ip_network(token.text, strict=False)
    return _literal(kind, token)


# Evaluating


def _evaluate(node: Node, request: Request) -> Value:
    match node:
        case Field(name):
            return request[name]
        case Literal(value):
            return value
        case Function(name, _, arguments):
            return _call(name, [_evaluate(argument, request) for argument in arguments])
        case Comparison(left, comparator, right):
            return _COMPARE[comparator](_evaluate(left, request), right)
        case Membership(left, members):
            value = _evaluate(left, request)
            return any(_is_member(value, member) for member in members)
        case Not(operand):
            return not _evaluate(operand, request)
        case Combination(left, Combiner.AND, right):
            return bool(_evaluate(left, request)) and bool(_evaluate(right, request))
        case Combination(left, Combiner.OR, right):
            return bool(_evaluate(left, request)) or bool(_evaluate(right, request))
        case Combination(left, _, right):
            return bool(_evaluate(left, request)) != bool(_evaluate(right, request))


def _call(name: str, values: list[Any]) -> Value:
    match name, values:
        case "lower", [text]:
            return _ascii_lower(text)
        case "upper", [text]:
            return re.sub("[a-z]+", lambda found: found[0].upper(), str(text))
        case "len", [text]:
            return len(_octets(text))
        case "concat", texts:
            return "".join(texts)
        case "starts_with", [text, start]:
            return str(text).startswith(start)
        case "ends_with", [text, end]:
            return str(text).endswith(end)
    raise UnsupportedError(f"{name}() with {len(values)} arguments")


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _ascii_lower(text: str) -> str:
    # Only ASCII has cases for Cloudflare.
    return re.sub("[A-Z]+", lambda found: found[0].lower(), text)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Compare strings by their octets, addresses only within a family."""

    def compare_values(left: Any, right: Any) -> bool:
        if isinstance(left, str):
            return compare(_octets(left), _octets(right))
        return type(left) is type(right) and compare(left, right)

    return compare_values


def _wildcard(pattern: str, text: str) -> bool:
    parts = re.findall(r"\\[*\\]|\*|[^*\\]+|\\", pattern)
    translated = "".join(
        ".*" if part == "*" else re.escape(re.sub(r"\\([*\\])", r"\1", part))
        for part in parts
    )
    return re.fullmatch(translated, text, re.DOTALL) is not None


def _is_member(value: Any, member: Any) -> bool:
    match member:
        case Range(first, last):
            return type(value) is type(first) and first <= value <= last
        case IPv4Network() | IPv6Network():
            return value in member
    return bool(value == member)


_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: _ordered(operator.lt),
    Operator.LE: _ordered(operator.le),
    Operator.GT: _ordered(operator.gt),
    Operator.GE: _ordered(operator.ge),
    Operator.CONTAINS: operator.contains,
    Operator.MATCHES: lambda text, pattern: re.search(pattern, text) is not None,
    Operator.WILDCARD: lambda text, pattern: _wildcard(
        _ascii_lower(pattern), _ascii_lower(text)
    ),
    Operator.STRICT_WILDCARD: lambda text, pattern: _wildcard(pattern, text),
}
