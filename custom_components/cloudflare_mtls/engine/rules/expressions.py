"""Writes the expressions of our rules: who may pass at which hostname (pure)."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from .admissions import Admission
from .exempt_paths import CLIMBING, is_prefix

# In characters. Source: the Rulesets API refuses longer expressions.
MAX_LENGTH: Final = 4096

_VERIFIED: Final = (
    "cf.tls_client_auth.cert_verified and not cf.tls_client_auth.cert_revoked"
)
# Both halves are needed: cert_verified stays true for a revoked certificate.
_UNVERIFIED: Final = (
    "not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked"
)
_FINGERPRINT: Final = "cf.tls_client_auth.cert_fingerprint_sha256"

_PATH: Final = "http.request.uri.path"


def skip_expression(admissions: Mapping[str, Admission]) -> str:
    """Return an expression that matches a good certificate at one of the hostnames.

    It is empty if no certificate is good.

    Source: Cloudflare's field reference, cf.tls_client_auth.*.
    """
    return _any_of(
        [
            f"http.host in {_set(hostnames)} and {_VERIFIED}{_and_pinned(pinned)}"
            for pinned, hostnames in _by_pins(admissions)
            if pinned != frozenset()
        ]
    )


def block_expression(admissions: Mapping[str, Admission]) -> str:
    """Return an expression that matches the hostnames without a good certificate.

    A hostname is matched as a prefix, in lower case: a port or a trailing dot in the Host
    header must not be a way around, and whether http.host keeps them is documented nowhere.

    Source: Cloudflare's field reference, http.host, cf.tls_client_auth.*.
    """
    return _any_of(
        [
            _without(
                pinned,
                " or ".join(
                    _reach(hostname, admissions[hostname].exempt_paths)
                    for hostname in hostnames
                ),
            )
            for pinned, hostnames in _by_pins(admissions)
        ]
    )


def at_host(hostname: str) -> str:
    """Return the condition that a request is for a hostname, in any form of the Host header."""
    return f"starts_with(lower(http.host), {_quoted(hostname)})"


def _by_pins(
    admissions: Mapping[str, Admission],
) -> Iterator[tuple[frozenset[str] | None, list[str]]]:
    """Yield the hostnames that admit the same certificates, always in the same order."""
    groups: dict[frozenset[str] | None, list[str]] = {}
    for hostname, admission in sorted(admissions.items()):
        groups.setdefault(admission.pinned, []).append(hostname)
    yield from groups.items()


def _any_of(clauses: Collection[str]) -> str:
    return (
        " or ".join(f"({clause})" for clause in clauses)
        if len(clauses) > 1
        else "".join(clauses)
    )


def _without(pinned: frozenset[str] | None, hosts: str) -> str:
    """Return the clause that matches these hosts without one of the good certificates."""
    match pinned:
        case None:
            return f"({hosts}) and ({_UNVERIFIED})"
        case pins if not pins:
            return f"({hosts})"
        case pins:
            return (
                f"({hosts}) and ({_UNVERIFIED} or not {_FINGERPRINT} in {_set(pins)})"
            )


def _and_pinned(pinned: frozenset[str] | None) -> str:
    return f" and {_FINGERPRINT} in {_set(pinned)}" if pinned else ""


def _reach(hostname: str, exempt_paths: tuple[str, ...]) -> str:
    host = at_host(hostname)
    if not exempt_paths:
        return host
    exempt = " or ".join(_at(path) for path in exempt_paths)
    plain = " and ".join(f"not {_PATH} contains {_quoted(part)}" for part in CLIMBING)
    return f"({host} and not (({exempt}) and {plain}))"


def _at(exempt_path: str) -> str:
    """Return the condition that a request asks for an exempt path, or for one below a prefix."""
    if is_prefix(exempt_path):
        return f"starts_with({_PATH}, {_quoted(exempt_path)})"
    return f"{_PATH} eq {_quoted(exempt_path)}"


def _set(texts: Collection[str]) -> str:
    return f"{{{' '.join(_quoted(text) for text in sorted(texts))}}}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
