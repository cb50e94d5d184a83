"""Who may pass at a protected hostname, and how that is read back from our own rules (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from .exempt_paths import is_prefix
from .parser import parse
from .tree import Call, Combination, Comparison, Field, Literal, Node, Not


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Who passes at a hostname: everybody on exempt paths, elsewhere a good certificate.

    Pinned are the SHA-256 fingerprints of the only certificates that are good; None means
    that any verified and unrevoked one is.
    """

    exempt_paths: tuple[str, ...] = ()
    pinned: frozenset[str] | None = None


ANY_CERTIFICATE: Final = Admission()
NOBODY: Final = Admission(pinned=frozenset())


# Each plan, and each step of one, asks for those of the same few rules again.
@lru_cache(maxsize=64)
def read_admissions(expression: str) -> Mapping[str, Admission]:
    """Return who passes at each hostname that one of our own expressions names.

    Empty if the expression cannot be parsed.
    """
    try:
        return MappingProxyType(dict(_admissions(parse(expression))))
    except ValueError:
        return MappingProxyType({})


def _admissions(node: Node) -> Iterator[tuple[str, Admission]]:
    """Yield each hostname and who passes there; nobody, if no certificate is asked for."""
    match node:
        case Call("starts_with", (Call("lower", (Field("http.host"),)), str(host))):
            yield host, NOBODY
        case Comparison(Field("http.host"), "in", names):
            for name in _texts(names):
                yield name, NOBODY
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
            # Without a slash at the end, we would take it for a single path.
            if is_prefix(path):
                yield path
        case Comparison(Field("http.request.uri.path"), "eq", (str(path),)):
            if not is_prefix(path):
                yield path
        case Combination(_, nodes):
            for inner in nodes:
                yield from _paths(inner)


def _texts(literals: Iterable[Literal]) -> Iterator[str]:
    for literal in literals:
        if isinstance(literal, str):
            yield literal


def _pins(nodes: Iterable[Node]) -> Iterator[frozenset[str]]:
    for node in nodes:
        match node:
            case Comparison(
                Field("cf.tls_client_auth.cert_fingerprint_sha256"), "in", texts
            ):
                yield frozenset(_texts(texts))
            case Not(inner):
                yield from _pins([inner])
            case Combination(_, inner):
                yield from _pins(inner)
