"""What a rule's expression, anybody's, means for a class of requests (pure).

Three-valued: true or false only where every request of the class agrees, None otherwise. An
expression that is beyond this reader is None too, so nothing unknown ever counts as a lock.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
import fnmatch
from functools import lru_cache
import re
from typing import Final

from .expressions import Admission

type Truth = bool | None
type Literal = str | int
type Value = Literal | bool | HostForms | NoneOf | None


@dataclass(frozen=True)
class HostForms:
    """All ways to write a hostname in a Host header: in any case, with a dot, with a port.

    Whether Cloudflare's rules see the dot and the port is documented nowhere, so a rule that
    matches only some of the ways decides nothing.
    """

    hostname: str
    lowered: bool = False

    def equals(self, text: str) -> Truth:
        """Tell whether some, though never all, of the ways are this text."""
        lowered = text.lower()
        rest = lowered.removeprefix(self.hostname)
        if rest == lowered or not _SUFFIX_ANY.fullmatch(rest):
            return False
        return False if self.lowered and text != lowered else None

    def starts_with(self, prefix: str) -> Truth:
        """Tell whether the ways begin with a text."""
        text = self._same_case(prefix)
        if text is None:
            return False
        if self.hostname.startswith(text):
            return True if self.lowered or not text else None
        rest = text.removeprefix(self.hostname)
        return None if rest != text and _SUFFIX.fullmatch(rest) else False

    def ends_with(self, suffix: str) -> Truth:
        """Tell whether some, though never all, of the ways end with a text."""
        text = self._same_case(suffix)
        return None if text is not None and self._may_end(text) else False

    def contains(self, part: str) -> Truth:
        """Tell whether the ways contain a text."""
        text = self._same_case(part)
        if text is None:
            return False
        if text in self.hostname:
            return True if self.lowered or not text else None
        ends = (text[:place] for place in range(len(text) + 1))
        possible = any(
            self.hostname.endswith(end) and _SUFFIX_PART.fullmatch(text[len(end) :])
            for end in ends
        )
        return None if possible else False

    def like(self, pattern: str, *, strict: bool) -> Truth:
        """Tell whether the ways match a wildcard pattern."""
        if strict and self.lowered and pattern != pattern.lower():
            return None
        # Digits that the pattern asks for may be those of a port.
        digits = re.findall(r"[0-9]+", pattern)
        ports = ["443", *("".join(digits[place:]) for place in range(len(digits)))]
        suffixes = ("", *(f":{port}" for port in ports))
        ways = [
            f"{self.hostname}{dot}{suffix}" for dot in ("", ".") for suffix in suffixes
        ]
        truths = {_like(way, pattern, strict=False) for way in ways}
        if truths == {True} and pattern.endswith("*"):
            return True if self.lowered or not strict else None
        return False if truths == {False} and ":" not in pattern else None

    def _same_case(self, text: str) -> str | None:
        """Return a text in the hostname's case, or None where it cannot match."""
        lowered = text.lower()
        return None if self.lowered and text != lowered else lowered

    def _may_end(self, text: str) -> bool:
        return any(
            self.hostname.endswith(text[:place]) and _SUFFIX.fullmatch(text[place:])
            for place in range(len(text) + 1)
        ) or bool(_SUFFIX_END.fullmatch(text))


@dataclass(frozen=True)
class NoneOf:
    """All texts but these."""

    texts: frozenset[str]

    def equals(self, texts: Iterable[str]) -> Truth:
        """Tell whether some, though never all, of them are one of these texts."""
        return False if self.texts.issuperset(texts) else None


@dataclass(frozen=True, kw_only=True)
class Requests:
    """All requests with this Host header and certificate, outside the exempt paths."""

    host: str | HostForms
    verified: bool
    revoked: bool
    fingerprint: str | NoneOf | None = None
    exempt_paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class Field:
    """A field of the request."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function of some operands."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Comparison:
    """An operand against one value or a set of them."""

    left: Operand
    operator: str
    right: tuple[Literal, ...]


@dataclass(frozen=True)
class Not:
    """The opposite."""

    node: Node


@dataclass(frozen=True)
class Combination:
    """Several conditions under one operator."""

    operator: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class HostPrefixes:
    """Whether the host, in lower case, begins with one of these."""

    prefixes: tuple[str, ...]


type Operand = Field | Call | Literal
type Node = Operand | Comparison | Not | Combination | HostPrefixes


# A plan asks the same before and after each step that leaves the rule as it is, and so does
# every later plan of a zone in sync.
@lru_cache(maxsize=4096)
def evaluate(expression: str, requests: Requests) -> Truth:
    """Return what every one of the requests makes of the expression."""
    try:
        node = _parse_for_evaluation(expression)
    except ValueError:
        return None
    return _truth(node, requests)


def same(one: str, other: str) -> bool:
    """Tell whether two expressions differ in spaces and needless parentheses only.

    Source: the Rulesets API rewrites expressions; it strips outer parentheses.
    """
    try:
        return parse(one) == parse(other)
    except ValueError:
        return one == other


@lru_cache(maxsize=1024)
def parse(expression: str) -> Node:
    """Return the expression as a tree; raise ValueError where it is beyond this reader.

    Source: Cloudflare's rules language, operators and their precedence.
    """
    return _Parser(expression).read()


@lru_cache(maxsize=1024)
def _parse_for_evaluation(expression: str) -> Node:
    return _quicker(parse(expression))


def _quicker(node: Node) -> Node:
    """Return a tree that means the same, and takes less to evaluate.

    In our own expressions there are many hostnames, each a condition of its own: here they
    are one. What is asked of the certificate comes first: the order means nothing.
    """
    match node:
        case Not(inner):
            return Not(_quicker(inner))
        case Combination("or", nodes):
            prefixes = [_host_prefix(inner) for inner in nodes]
            hosts = HostPrefixes(tuple(text for text in prefixes if text is not None))
            others = [
                _quicker(inner)
                for inner, prefix in zip(nodes, prefixes, strict=True)
                if prefix is None
            ]
            return Combination("or", (*reversed(others), hosts))
        case Combination(operator, nodes):
            return Combination(
                operator, tuple(_quicker(inner) for inner in reversed(nodes))
            )
        case _:
            return node


def _host_prefix(node: Node) -> str | None:
    """Return what the host must begin with, where the node asks for that and nothing else."""
    match node:
        case Call("starts_with", (Call("lower", (Field("http.host"),)), str(prefix))):
            return prefix
        case _:
            return None


def named_hosts(expression: str) -> dict[str, Admission]:
    """Return who passes at the hostnames that one of our own expressions names."""
    try:
        return dict(_admissions(parse(expression)))
    except ValueError:
        return {}


def _admissions(node: Node) -> Iterator[tuple[str, Admission]]:
    match node:
        case Call("starts_with", (Call("lower", (Field("http.host"),)), str(host))):
            yield host, Admission(pinned=frozenset())
        case Comparison(Field("http.host"), "in", names):
            for name in names:
                yield str(name), Admission(pinned=frozenset())
        case Combination("and", (hosts, Not(exempt))):
            for host, admission in _admissions(hosts):
                yield host, replace(admission, exempt_paths=tuple(_paths(exempt)))
        case Combination("and", (hosts, *certificate)):
            pinned = next(_pins(certificate), None)
            for host, admission in _admissions(hosts):
                yield host, replace(admission, pinned=pinned)
        case Combination("or", nodes):
            for inner in nodes:
                yield from _admissions(inner)


def _paths(node: Node) -> Iterator[str]:
    match node:
        case Call("starts_with", (Field("http.request.uri.path"), str(path))):
            yield path
        case Combination(_, nodes):
            for inner in nodes:
                yield from _paths(inner)


def _pins(nodes: Iterable[Node]) -> Iterator[frozenset[str]]:
    for node in nodes:
        match node:
            case Comparison(
                Field("cf.tls_client_auth.cert_fingerprint_sha256"), "in", texts
            ):
                yield frozenset(str(text) for text in texts)
            case Not(inner):
                yield from _pins([inner])
            case Combination(_, inner):
                yield from _pins(inner)


_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*")
    | r(?P<fence>\#*)"(?P<raw>.*?)"(?P=fence)
    | (?P<number>[0-9]+(?![\w.:/]))
    | (?P<address>(?:[0-9]|::)[0-9A-Fa-f.:/]*)
    | (?P<name>[A-Za-z_][\w.]*(?:\[(?:"(?:[^"\\]|\\.)*"|[0-9]+|\*)\])*)
    | (?P<list>\$[\w.]+)
    | (?P<symbol>&&|\|\||\^\^|==|!=|<=|>=|[!<>~(){},])
    )""",
    re.VERBOSE | re.DOTALL,
)
# What may stand behind a hostname in a Host header, its ends and its parts.
_SUFFIX_ANY: Final = re.compile(r"\.?(?::.*)?", re.DOTALL)
_SUFFIX: Final = re.compile(r"\.?(?::[0-9]{0,5})?")
_SUFFIX_END: Final = re.compile(r"(?:\.?:)?[0-9]{0,5}|\.")
_SUFFIX_PART: Final = re.compile(r"\.?:?[0-9]{0,5}")
# Cloudflare reads other escapes as codes of characters.
_ESCAPE: Final = re.compile(r"\\(.)")
_SYNONYMS: Final = {
    "&&": "and",
    "||": "or",
    "^^": "xor",
    "!": "not",
    "==": "eq",
    "!=": "ne",
    "<": "lt",
    "<=": "le",
    ">": "gt",
    ">=": "ge",
    "~": "matches",
}
_COMPARISONS: Final = frozenset(
    {"eq", "ne", "lt", "le", "gt", "ge", "contains", "matches", "wildcard"}
)
# From the one that binds least to the one that binds most.
_COMBINATIONS: Final = ("or", "xor", "and")
# What ends the matter, whatever the other conditions say.
_DECISIVE: Final = {"and": False, "or": True}
_MAX_DEPTH: Final = 50


@dataclass(frozen=True)
class _Token:
    text: str
    literal: Literal | None = None


class _Parser:
    """A recursive descent over the tokens of one expression."""

    def __init__(self, expression: str) -> None:
        self._tokens = list(_tokens(expression))
        self._depth = 0

    def read(self) -> Node:
        node = self._combination(0)
        if self._tokens:
            raise ValueError(self._tokens[0].text)
        return node

    def _combination(self, level: int) -> Node:
        if level == len(_COMBINATIONS):
            return self._condition()
        operator = _COMBINATIONS[level]
        nodes = [self._combination(level + 1)]
        while self._accept(operator):
            nodes.append(self._combination(level + 1))
        return nodes[0] if len(nodes) == 1 else Combination(operator, tuple(nodes))

    def _condition(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        try:
            if self._accept("not"):
                return Not(self._condition())
            if self._accept("("):
                node = self._combination(0)
                self._expect(")")
                return node
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Node:
        left = self._operand()
        if self._accept("in"):
            if self._tokens and self._tokens[0].text.startswith("$"):
                return Comparison(left, "in list", (self._next().text,))
            return Comparison(left, "in", self._set())
        strict = "strict " if self._accept("strict") else ""
        if self._tokens and self._tokens[0].text in _COMPARISONS:
            operator = strict + self._next().text
            return Comparison(left, operator, (self._literal(),))
        return left

    def _operand(self) -> Operand:
        token = self._next()
        if token.literal is not None:
            return token.literal
        if not token.text[:1].isalpha():
            raise ValueError(token.text)
        if not self._accept("("):
            return Field(token.text)
        arguments = [self._combination(0)]
        while self._accept(","):
            arguments.append(self._combination(0))
        self._expect(")")
        return Call(token.text, tuple(arguments))

    def _set(self) -> tuple[Literal, ...]:
        self._expect("{")
        values = []
        while not self._accept("}"):
            values.append(self._literal())
        return tuple(sorted(values, key=repr))

    def _literal(self) -> Literal:
        token = self._next()
        if token.literal is None:
            raise ValueError(token.text)
        return token.literal

    def _next(self) -> _Token:
        if not self._tokens:
            raise ValueError("ends too early")
        return self._tokens.pop(0)

    def _accept(self, text: str) -> bool:
        found = bool(self._tokens) and self._tokens[0].text == text
        if found:
            self._tokens.pop(0)
        return found

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise ValueError(f"no {text}")


def _tokens(expression: str) -> list[_Token]:
    tokens = []
    place = 0
    expression = expression.rstrip()
    while place < len(expression):
        if (match := _TOKEN.match(expression, place)) is None:
            raise ValueError(expression[place:])
        place = match.end()
        if (string := match["string"]) is not None:
            tokens.append(_Token("", _ESCAPE.sub(_unescaped, string[1:-1])))
        elif (raw := match["raw"]) is not None:
            tokens.append(_Token("", raw))
        elif (number := match["number"]) is not None:
            tokens.append(_Token("", int(number)))
        elif (address := match["address"]) is not None:
            tokens.append(_Token("", address))
        else:
            text = match["name"] or match["list"] or match["symbol"]
            tokens.append(_Token(_SYNONYMS.get(text, text)))
    return tokens


def _unescaped(match: re.Match[str]) -> str:
    if match[1] not in '\\"':
        raise ValueError(match[0])
    return match[1]


def _truth(node: Node, requests: Requests) -> Truth:
    match node:
        case Not(inner):
            truth = _truth(inner, requests)
            return None if truth is None else not truth
        case Combination(operator, nodes):
            return _combined(operator, (_truth(inner, requests) for inner in nodes))
        case Comparison(left, operator, right):
            return _compared(_value(left, requests), operator, right)
        case HostPrefixes(prefixes):
            return _begins(requests.host, prefixes)
        case _:
            value = _value(node, requests)
            return value if isinstance(value, bool) else None


def _combined(operator: str, truths: Iterable[Truth]) -> Truth:
    """Combine truths, and look at no more of them than it takes."""
    decisive = _DECISIVE.get(operator)
    seen = []
    for truth in truths:
        if truth is not None and truth is decisive:
            return decisive
        seen.append(truth)
    if None in seen:
        return None
    return not decisive if operator in _DECISIVE else seen.count(True) % 2 == 1


def _compared(value: Value, operator: str, right: tuple[Literal, ...]) -> Truth:
    texts = [item for item in right if isinstance(item, str)]
    if len(texts) < len(right):
        return None
    if isinstance(value, HostForms):
        return _host_compared(value, operator, texts)
    if isinstance(value, NoneOf):
        return value.equals(texts) if operator in ("eq", "in") else None
    if not isinstance(value, str):
        return None
    match operator:
        case "eq" | "in":
            return value in texts
        case "ne":
            return value not in texts
        case "contains":
            return texts[0] in value
        case "wildcard":
            return _like(value, texts[0], strict=False)
        case "strict wildcard":
            return _like(value, texts[0], strict=True)
        case _:
            return None


def _host_compared(host: HostForms, operator: str, texts: list[str]) -> Truth:
    match operator:
        case "eq" | "in":
            return _combined("or", (host.equals(text) for text in texts))
        case "ne":
            return None if host.equals(texts[0]) is None else True
        case "contains":
            return host.contains(texts[0])
        case "wildcard" | "strict wildcard":
            return host.like(texts[0], strict=operator.startswith("strict"))
        case _:
            return None


def _begins(host: str | HostForms, prefixes: tuple[str, ...]) -> Truth:
    if isinstance(host, str):
        return host.lower().startswith(prefixes)
    lowered = HostForms(host.hostname, lowered=True)
    return _combined("or", map(lowered.starts_with, prefixes))


def _like(value: str, pattern: str, *, strict: bool) -> Truth:
    # Only ASCII letters have two cases to Cloudflare.
    if any(char in pattern for char in "\\?[") or not pattern.isascii():
        return None
    if not strict:
        value, pattern = value.lower(), pattern.lower()
    return fnmatch.fnmatchcase(value, pattern)


def _value(node: Node, requests: Requests) -> Value:
    match node:
        case Field(name):
            return _field(name, requests)
        case Call("starts_with", (Field("http.request.uri.path"), str(prefix))):
            return _path_starts_with(prefix, requests)
        case Call(name, arguments):
            return _called(name, [_value(argument, requests) for argument in arguments])
        case str() | int():
            return node
        case _:
            return _truth(node, requests)


def _field(name: str, requests: Requests) -> Value:
    match name:
        case "http.host":
            return requests.host
        case "cf.tls_client_auth.cert_verified":
            return requests.verified
        case "cf.tls_client_auth.cert_revoked":
            return requests.revoked
        case "cf.tls_client_auth.cert_fingerprint_sha256":
            return requests.fingerprint
        case _:
            return None


def _path_starts_with(prefix: str, requests: Requests) -> Truth:
    exempt = any(prefix.startswith(path) for path in requests.exempt_paths)
    return False if exempt else None


_FUNCTIONS: Final[dict[tuple[str, int], Callable[..., Value]]] = {
    ("lower", 1): str.lower,
    ("upper", 1): str.upper,
    ("starts_with", 2): str.startswith,
    ("ends_with", 2): str.endswith,
}


def _called(name: str, values: list[Value]) -> Value:
    match name, values:
        case "lower", [HostForms(hostname)]:
            return HostForms(hostname, lowered=True)
        case "starts_with", [HostForms() as host, str(prefix)]:
            return host.starts_with(prefix)
        case "ends_with", [HostForms() as host, str(suffix)]:
            return host.ends_with(suffix)
    function = _FUNCTIONS.get((name, len(values)))
    if function is None or not all(isinstance(value, str) for value in values):
        return None
    return function(*values)
