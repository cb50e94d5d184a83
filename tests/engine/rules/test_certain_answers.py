"""What the engine is certain of holds for each request: random expressions, read by Cloudflare's own parser."""

from hypothesis import given, note, strategies as st
import pytest

from custom_components.cloudflare_mtls.engine.rules.exempt_paths import (
    is_exempt,
    paths_outside,
)
from custom_components.cloudflare_mtls.engine.rules.host_forms import HostForms
from custom_components.cloudflare_mtls.engine.rules.meaning import evaluate
from custom_components.cloudflare_mtls.engine.rules.request_set import RequestSet
from custom_components.cloudflare_mtls.engine.rules.text_sets import (
    AnyExcept,
    Exactly,
    TextSet,
)
from sandbox.expressions import Value, parse as parse_as_cloudflare
from tests.engine.searching import NIGHTLY, search

HOST = "home-mobile.example.com"
ANYBODY = RequestSet(
    host=Exactly(HOST),
    path=TextSet(),
    presented=False,
    verified=False,
    revoked=False,
    fingerprint=Exactly(""),
)


_PIECES = st.sampled_from(
    [HOST, HOST.upper(), f"{HOST}:8443", f"{HOST}.", f"{HOST}.:443", "com:2053", "443",
     ":", ".", "com.", "home", "example.com", "", "x", "*"]
)  # fmt: skip


_PATHS = st.sampled_from(
    [
        "/",
        "/api/",
        "/api/webhook/",
        "/api/webhook/x",
        "/auth",
        "/local/",
        "..",
        "%",
        ".",
    ]
)


_HOST_FIELDS = st.sampled_from(
    ["http.host", "lower(http.host)", "upper(http.host)", "upper(lower(http.host))"]
)


def _quoted(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f'"{text}"', f'r"{text}"', f'r##"{text}"##'])


_LITERALS = _PIECES.flatmap(_quoted)


_PATH_LITERALS = _PATHS.flatmap(_quoted)


# Cloudflare refuses two stars in a row, and an empty pattern.
_PATTERNS = st.sampled_from(
    [
        '"*"',
        f'"{HOST}"',
        '"home*"',
        '"*.EXAMPLE.com"',
        '"h*m*"',
        '"[a-z]*"',
        '"?*"',
        '"*8443"',
        '"home*2*53*"',
        '"*com*4*3"',
        '"*.com.*"',
    ]
)


_LISTS = st.lists(_LITERALS, min_size=1, max_size=3).map(" ".join)


_ATOMS = st.one_of(
    st.builds(
        "{} {} {}".format,
        _HOST_FIELDS,
        st.sampled_from(["eq", "==", "ne", "!=", "contains", "lt", ">="]),
        _LITERALS,
    ),
    st.builds(
        "{} {} {}".format,
        _HOST_FIELDS,
        st.sampled_from(["wildcard", "strict wildcard"]),
        _PATTERNS,
    ),
    st.builds("{} in {{{}}}".format, _HOST_FIELDS, _LISTS),
    st.builds(
        "{}({}, {})".format,
        st.sampled_from(["starts_with", "ends_with"]),
        _HOST_FIELDS,
        _LITERALS,
    ),
    st.builds("starts_with(http.request.uri.path, {})".format, _PATH_LITERALS),
    st.builds("ends_with(http.request.uri.path, {})".format, _PATH_LITERALS),
    st.builds(
        "http.request.uri.path {} {}".format,
        st.sampled_from(["eq", "ne", "contains"]),
        _PATH_LITERALS,
    ),
    st.sampled_from(
        [
            "cf.tls_client_auth.cert_verified",
            "cf.tls_client_auth.cert_revoked",
            "cf.tls_client_auth.cert_presented",
            'cf.tls_client_auth.cert_fingerprint_sha256 eq ""',
            f'cf.tls_client_auth.cert_fingerprint_sha256 ne "{"a" * 64}"',
            f'cf.tls_client_auth.cert_fingerprint_sha256 in {{"{"b" * 64}" "{"c" * 64}"}}',
            "http.host contains 68:6f:6d:65",
            'http.host in {68:6f:6d:65 "x"}',
            "ssl",
            'ip.src.country eq "DE"',
            'ip.src.country in {"DE" "AT"}',
            "ip.src in {203.0.113.0/24 10.0.0.1}",
            "ip.src.asnum gt 100",
            "ip.src.asnum in {1..5 64496}",
            'http.user_agent contains "bot"',
            "len(http.host) gt 30",
            'concat(http.host, "/") ne "x"',
        ]
    ),
)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}{}".format, st.sampled_from(["not ", "!", "not not "]), inner),
        st.builds("({})".format, inner),
        st.builds(
            "{} {} {}".format,
            inner,
            st.sampled_from(["and", "or", "xor", "&&", "||", "^^"]),
            inner,
        ),
    )


_EXPRESSIONS = st.recursive(_ATOMS, _combined, max_leaves=8)


_EXEMPT = st.sampled_from(
    [
        (),
        ("/api/webhook/",),
        ("/local/",),
        ("/api/webhook/", "/local/"),
        ("/api/webhook/x",),
    ]
)


_HOST_FORMS = st.builds(
    "{}{}{}".format,
    st.sampled_from([HOST, HOST.upper(), HOST.title()]),
    st.sampled_from(["", "."]),
    st.sampled_from(["", ":8443", ":443", ":2053", ":x", ":.Example.com", ":home:com"]),
)


_ANY_PATHS = st.sampled_from(
    [
        "/",
        "/api/",
        "/api/webhook",
        "/api/webhook/x",
        "/api/webhook/../../auth",
        "/api/webhook/%2e%2e/auth",
        "/auth",
        "/local/y",
        "/x/..",
    ]
)


_CERTIFICATES = st.sampled_from(
    [
        (False, False, False, ""),
        (True, False, False, "a" * 64),
        (True, True, False, "a" * 64),
        (True, True, False, "b" * 64),
        (True, True, True, "a" * 64),
    ]
)


@st.composite
def _requests(draw: st.DrawFn) -> tuple[RequestSet, dict[str, Value]]:
    """Draw a class of requests and one of them."""
    presented, verified, revoked, fingerprint = draw(_CERTIFICATES)
    exempt = draw(_EXEMPT)
    host = draw(st.one_of(_HOST_FORMS, st.just("other.test")))
    path = draw(_ANY_PATHS.filter(lambda path: not is_exempt(path, exempt)))
    forms = draw(st.booleans()) and host != "other.test"
    outside = paths_outside(exempt)
    asked = RequestSet(
        host=HostForms(HOST) if forms else Exactly(host),
        path=draw(st.sampled_from([item for item in outside if _has(item, path)])),
        presented=presented,
        verified=verified,
        revoked=revoked,
        fingerprint=draw(
            st.sampled_from(
                [TextSet(), Exactly(fingerprint), AnyExcept(frozenset({"c" * 64}))]
            )
        ),
    )
    return asked, {
        "http.host": host,
        "http.request.uri.path": path,
        "http.user_agent": draw(st.sampled_from(["bot", "Home Assistant"])),
        "ip.src.country": draw(st.sampled_from(["DE", "US"])),
        "ip.src": draw(st.ip_addresses(v=4)),
        "ip.src.asnum": draw(st.sampled_from([3, 64496])),
        "ssl": draw(st.booleans()),
        "cf.tls_client_auth.cert_presented": presented,
        "cf.tls_client_auth.cert_verified": verified,
        "cf.tls_client_auth.cert_revoked": revoked,
        "cf.tls_client_auth.cert_fingerprint_sha256": fingerprint,
    }


def _has(paths: TextSet, path: str) -> bool:
    """Return whether a set of paths has this one."""
    return paths.equals(path) is not False


def _agrees(expression: str, drawn: tuple[RequestSet, dict[str, Value]]) -> None:
    requests, request = drawn
    matches = parse_as_cloudflare(expression).matches(request)
    note(f"Cloudflare: {matches}")
    assert evaluate(expression, requests) in (matches, None)


@given(_EXPRESSIONS, _requests())
@search(500)
def test_certain_answers_hold_for_each_request(
    expression: str, drawn: tuple[RequestSet, dict[str, Value]]
) -> None:
    _agrees(expression, drawn)


@pytest.mark.nightly
@given(_EXPRESSIONS, _requests())
@search(10 * NIGHTLY, again=False)
def test_certain_answers_hold_for_each_request_at_length(
    expression: str, drawn: tuple[RequestSet, dict[str, Value]]
) -> None:
    _agrees(expression, drawn)


@given(st.text())
@search()
def test_any_text_can_be_evaluated(text: str) -> None:
    assert evaluate(text, ANYBODY) in (True, False, None)
