"""What a rule's expression, anybody's, means for a class of requests (pure).

Three-valued: true or false only where every request of the class agrees, None otherwise. An
expression that is beyond this reader is None too, so nothing unknown ever counts as a lock.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from .host_forms import HostForms, Truth, matches_wildcard
from .parser import parse
from .requests import NoneOf, Requests
from .tree import Call, Combination, Comparison, Field, HostPrefixes, Literal, Node, Not

type Value = Literal | bool | HostForms | NoneOf | None


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


# What ends the matter, whatever the other conditions say.
_DECISIVE: Final = {"and": False, "or": True}


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
            return matches_wildcard(value, texts[0], strict=False)
        case "strict wildcard":
            return matches_wildcard(value, texts[0], strict=True)
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
