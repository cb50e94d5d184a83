"""Reads from our own rules who passes at which hostname (pure)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from .expressions import Admission
from .parser import parse
from .tree import Call, Combination, Comparison, Field, Node, Not


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
