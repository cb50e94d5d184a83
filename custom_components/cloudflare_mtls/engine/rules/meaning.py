"""Evaluates a rule's expression, ours or somebody else's, for a set of requests (pure).

The answer is true or false only where every request of the set agrees, and None otherwise. An
expression that the parser cannot read is None too, so nothing unknown ever counts as a lock.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from .host_forms import HostForms
from .optimise import optimise
from .parser import parse
from .request_set import AnyExcept, RequestSet
from .tree import Call, Combination, Comparison, Field, HostPrefixes, Literal, Node, Not
from .truth import Truth, combine, negate
from .wildcards import matches_wildcard

type Value = Literal | bool | HostForms | AnyExcept | None


# A plan evaluates a rule before and after each step that leaves the rule as it is, and so does
# every later plan of a zone in sync.
@lru_cache(maxsize=4096)
def evaluate(expression: str, requests: RequestSet) -> Truth:
    """Return whether the expression matches every request of the set, none, or neither."""
    try:
        node = _parse_for_evaluation(expression)
    except ValueError:
        return None
    return _truth(node, requests)


@lru_cache(maxsize=1024)
def _parse_for_evaluation(expression: str) -> Node:
    return optimise(parse(expression))


def _truth(node: Node, requests: RequestSet) -> Truth:
    match node:
        case Not(inner):
            return negate(_truth(inner, requests))
        case Combination(operator, nodes):
            return combine(operator, (_truth(inner, requests) for inner in nodes))
        case Comparison(left, operator, right):
            return _compare(_value(left, requests), operator, right)
        case HostPrefixes(prefixes):
            return _begins_with_any(requests.host, prefixes)
        case _:
            value = _value(node, requests)
            return value if isinstance(value, bool) else None


def _compare(value: Value, operator: str, right: tuple[Literal, ...]) -> Truth:
    texts = [item for item in right if isinstance(item, str)]
    if len(texts) < len(right):
        return None
    if isinstance(value, HostForms):
        return _compare_host(value, operator, texts)
    if isinstance(value, AnyExcept):
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


def _compare_host(host: HostForms, operator: str, texts: list[str]) -> Truth:
    match operator:
        case "eq" | "in":
            return combine("or", (host.equals(text) for text in texts))
        case "ne":
            return negate(host.equals(texts[0]))
        case "contains":
            return host.contains(texts[0])
        case "wildcard" | "strict wildcard":
            return host.like(texts[0], strict=operator.startswith("strict"))
        case _:
            return None


def _begins_with_any(host: str | HostForms, prefixes: tuple[str, ...]) -> Truth:
    if isinstance(host, str):
        return host.lower().startswith(prefixes)
    lowered = HostForms(host.hostname, lowered=True)
    return combine("or", map(lowered.starts_with, prefixes))


def _value(node: Node, requests: RequestSet) -> Value:
    match node:
        case Field(name):
            return _field(name, requests)
        case Call("starts_with", (Field("http.request.uri.path"), str(prefix))):
            return _path_starts_with(prefix, requests)
        case Call(name, arguments):
            return _call(name, [_value(argument, requests) for argument in arguments])
        case str() | int():
            return node
        case _:
            return _truth(node, requests)


def _field(name: str, requests: RequestSet) -> Value:
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


def _path_starts_with(prefix: str, requests: RequestSet) -> Truth:
    exempt = any(prefix.startswith(path) for path in requests.exempt_paths)
    return False if exempt else None


_TEXT_FUNCTIONS: Final[dict[tuple[str, int], Callable[..., Value]]] = {
    ("lower", 1): str.lower,
    ("upper", 1): str.upper,
    ("starts_with", 2): str.startswith,
    ("ends_with", 2): str.endswith,
}


def _call(name: str, values: list[Value]) -> Value:
    match name, values:
        case "lower", [HostForms(hostname)]:
            return HostForms(hostname, lowered=True)
        case "starts_with", [HostForms() as host, str(prefix)]:
            return host.starts_with(prefix)
        case "ends_with", [HostForms() as host, str(suffix)]:
            return host.ends_with(suffix)
    function = _TEXT_FUNCTIONS.get((name, len(values)))
    if function is None or not all(isinstance(value, str) for value in values):
        return None
    return function(*values)
