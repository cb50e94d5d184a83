"""Evaluates a rule's expression, ours or somebody else's, for a set of requests (pure).

The answer is true or false only where every request of the set agrees, and None otherwise.
What is not named here, be it a field, a function, an operator or a kind of literal, is
unknown, and so is an expression that the parser cannot read: nothing unknown ever counts as a
lock, nor as something that a visitor cannot choose.
"""

from functools import lru_cache
from typing import Final

from .optimise import optimise
from .parser import parse
from .request_set import RequestSet
from .text_sets import TextSet
from .tree import Call, Combination, Comparison, Field, HostPrefixes, Node, Not
from .truth import Truth, combine, negate

_ANY_TEXT: Final = TextSet()


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
        case HostPrefixes(prefixes):
            return _begins_with_any(requests.host, prefixes)
        case Comparison(left, operator, right):
            texts = [item for item in right if isinstance(item, str)]
            if len(texts) < len(right) or not texts:
                return None
            return _text(left, requests).compare(operator, texts)
        case Call("starts_with", (operand, str(prefix))):
            return _text(operand, requests).starts_with(prefix)
        case Call("ends_with", (operand, str(suffix))):
            return _text(operand, requests).ends_with(suffix)
        case Field("cf.tls_client_auth.cert_presented"):
            return requests.presented
        case Field("cf.tls_client_auth.cert_verified"):
            return requests.verified
        case Field("cf.tls_client_auth.cert_revoked"):
            return requests.revoked
        case _:
            return None


# Each handshake of a hostname asks the same of its Host header.
@lru_cache(maxsize=4096)
def _begins_with_any(host: TextSet, prefixes: tuple[str, ...]) -> Truth:
    """Return whether every text of the set, in lower case, begins with one of these."""
    return combine("or", map(host.lowered().starts_with, prefixes))


def _text(node: Node, requests: RequestSet) -> TextSet:
    match node:
        case Field("http.host"):
            return requests.host
        case Field("http.request.uri.path"):
            return requests.path
        case Field("cf.tls_client_auth.cert_fingerprint_sha256"):
            return requests.fingerprint
        case Call("lower", (operand,)):
            return _text(operand, requests).lowered()
        case Call("upper", (operand,)):
            return _text(operand, requests).uppered()
        case _:
            return _ANY_TEXT
