"""Our own expressions are evaluated for many hostnames; what they ask is put so that this is fast."""

from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from custom_components.cloudflare_mtls.engine.rules.optimise import optimise
from custom_components.cloudflare_mtls.engine.rules.parser import parse
from custom_components.cloudflare_mtls.engine.rules.tree import (
    Combination,
    Comparison,
    Field,
    HostPrefixes,
    Node,
    Not,
)
from tests.engine.builders import HOST, NEIGHBOUR, OTHER, PINS, admits

_VERIFIED = Field("cf.tls_client_auth.cert_verified")
_REVOKED = Field("cf.tls_client_auth.cert_revoked")
_PATH = Field("http.request.uri.path")


def no_certificate(*more: Node) -> Combination:
    """Return the condition that a visitor has no good certificate."""
    return Combination("or", (*more, _REVOKED, Not(_VERIFIED), HostPrefixes(())))


def test_hostnames_are_asked_for_at_once_and_after_the_certificate() -> None:
    """Where a visitor has a good certificate, no hostname is looked at; else all are in one go."""
    three = dict.fromkeys([HOST, OTHER, NEIGHBOUR], admits())
    hosts = Combination("or", (HostPrefixes((HOST, OTHER, NEIGHBOUR)),))
    found = optimise(parse(block_expression(three)))
    assert found == Combination("and", (no_certificate(), hosts))


def test_one_hostname_is_asked_for_first() -> None:
    """It is one condition as it is, on its own and beside others."""
    assert optimise(parse(f'starts_with(lower(http.host), "{HOST}")')) == HostPrefixes(
        (HOST,)
    )
    found = optimise(parse(block_expression({HOST: admits(pinned=PINS[:1])})))
    listed = Comparison(
        Field("cf.tls_client_auth.cert_fingerprint_sha256"), "in", (PINS[0],)
    )
    assert found == Combination(
        "and", (HostPrefixes((HOST,)), no_certificate(Not(listed)))
    )


def test_hostname_is_asked_for_before_its_exempt_paths() -> None:
    """No path is looked at where the hostname is another one."""
    found = optimise(parse(f'not (http.request.uri.path eq "/" and starts_with(lower(http.host), "{HOST}"))'))  # fmt: skip
    path = Comparison(_PATH, "eq", ("/",))
    assert found == Not(Combination("and", (HostPrefixes((HOST,)), path)))
