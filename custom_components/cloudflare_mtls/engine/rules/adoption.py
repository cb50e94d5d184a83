"""Recognises rules that somebody made by hand to protect a hostname, as guides say (pure)."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ..api.models import Rule
from .marks import pair_of
from .parser import parse
from .tree import Call, Combination, Comparison, Field, Literal, Node, Not

_CERTIFICATE: Final = frozenset(
    {"cf.tls_client_auth.cert_verified", "cf.tls_client_auth.cert_revoked"}
)


@dataclass(frozen=True, kw_only=True)
class MadeByHand:
    """A rule that somebody made by hand and that can become ours."""

    id: str


def is_made_by_hand(rule: Rule, hostnames: Collection[str]) -> bool:
    """Return whether a rule skips or blocks by certificate at these hostnames, and no more.

    A rule that looks at anything else is there for a reason that is not known here.
    """
    if pair_of(rule.ref) or rule.action not in ("block", "skip"):
        return False
    try:
        node = parse(rule.expression)
    except ValueError:
        return False
    match node:
        case Combination("and", parts):
            hosts = [names for part in parts if (names := _hostnames(part))]
            others = [part for part in parts if not _hostnames(part)]
            return (
                len(hosts) == 1
                and hosts[0].issubset(hostnames)
                and all(_CERTIFICATE.issuperset(_fields(part)) for part in others)
            )
        case _:
            return False


def _hostnames(node: Node) -> frozenset[Literal]:
    """Return the hostnames that a condition asks for, none if it asks for anything else.

    A literal that is no text is none of ours.
    """
    match node:
        case Comparison(left, "eq" | "in", names) if _is_host(left):
            return frozenset(names)
        case Call("starts_with", (left, str(name))) if _is_host(left):
            return frozenset({name})
        case Combination("or", nodes) if all(_hostnames(inner) for inner in nodes):
            return frozenset().union(*(_hostnames(inner) for inner in nodes))
        case _:
            return frozenset()


def _is_host(node: Node) -> bool:
    return node in (Field("http.host"), Call("lower", (Field("http.host"),)))


def _fields(node: Node) -> Iterator[str]:
    match node:
        case Field(name):
            yield name
        case Call(_, nodes) | Combination(_, nodes):
            for inner in nodes:
                yield from _fields(inner)
        case Comparison(inner, _, _) | Not(inner):
            yield from _fields(inner)
