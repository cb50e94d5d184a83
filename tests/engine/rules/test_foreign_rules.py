"""Rules of others that a stranger could meet or miss on purpose: each of them exposes."""

from dataclasses import replace
from itertools import product

from hypothesis import given, strategies as st
import pytest

from custom_components.cloudflare_mtls.engine.api.models import Observation, Rule
from custom_components.cloudflare_mtls.engine.rules.actions import ends_evaluation
from custom_components.cloudflare_mtls.engine.rules.admissions import Admission
from custom_components.cloudflare_mtls.engine.rules.exempt_paths import is_exempt
from custom_components.cloudflare_mtls.engine.rules.exposure import Visitor, exposed
from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from custom_components.cloudflare_mtls.engine.rules.visitors import handshakes
from sandbox.expressions import Value, parse as parse_as_cloudflare
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    MAY_END_THE_RULES,
    PINS,
    admits,
    block_rule,
    published,
    rule,
    skip,
    skip_rule,
)
from tests.engine.searching import search

WEBHOOKS = admits("/api/webhook/")
OUR_HOST = f'starts_with(lower(http.host), "{HOST}")'
VERIFIED = "cf.tls_client_auth.cert_verified"
PRESENTED = "cf.tls_client_auth.cert_presented"
REVOKED = "cf.tls_client_auth.cert_revoked"
FINGERPRINT = "cf.tls_client_auth.cert_fingerprint_sha256"


def behind(foreign: Rule, admission: Admission = admits()) -> Observation:
    """Return a published hostname whose rules, all in order, stand behind a foreign one."""
    block = rule("block", block_expression({HOST: admission}), BLOCK_REF)
    return published(foreign, skip_rule(), block)


def asked(path: str) -> dict[str, Value]:
    """Return a request for a path without a certificate."""
    return {
        "http.host": HOST,
        "http.request.uri.path": path,
        VERIFIED: False,
        REVOKED: False,
        FINGERPRINT: "",
    }


# Texts that a stranger writes behind the colon of the Host header.
BEHIND_THE_COLON = [
    'http.host contains "cloud"',
    'lower(http.host) contains "cloud"',
    'http.host contains "8"',
    'ends_with(http.host, ".nas.example")',
    'ends_with(lower(http.host), ".nas.example")',
    'http.host wildcard "*.nas.example"',
    'http.host strict wildcard "*.Nas.Example"',
    'lower(http.host) wildcard "*.nas.example"',
    f'http.host wildcard "{HOST}:*.net"',
    f'starts_with(http.host, "{HOST}:77777777")',
    f'http.host eq "{HOST}:cloud"',
    f'http.host in {{"nas.example.com" "{HOST}.:a b"}}',
    f'http.host ne "{HOST}"',
    'http.host contains "\N{LATIN SMALL LETTER A WITH DIAERESIS}"',
    'not http.host contains "cloud"',
]
# Literals that Cloudflare reads as text, in other letters.
IN_OTHER_LETTERS = [
    "http.host contains 68:6f:6d:65",
    "http.host contains 63:6C:6f:75:64",
    "http.host contains c0:ff",
    "http.host in {68:6f:6d:65:2d}",
    'http.host in {"x" 68:6f:6d:65:2d}',
    rf'http.host eq "\x68{HOST[1:]}"',
    rf'starts_with(http.host, "\150{HOST[1:]}")',
    'http.host contains r"cloud"',
    'http.host contains r#"cloud"#',
    "ip.src in {192.0.2.0/24 2001:db8::/32}",
    "ip.src in {192.0.2.1..192.0.2.9}",
    "len(http.host) in {1..99}",
    "http.host in $hostnames",
    "ip.src in $cf.open_proxies",
    "ip.src in {}",
    "notip.src.country in {}",
    "nothttp.host in {}",
    "not not http.host in {}",
]
# Functions of what a stranger writes.
FUNCTIONS = [
    "len(http.host) gt 30",
    f'concat(http.host, "") ne "{HOST}"',
    'substring(http.host, 0, 4) eq "home"',
    'url_decode(http.request.uri.path) contains "x"',
    f'upper(http.host) eq "{HOST.upper()}"',
    'remove_bytes(http.host, ":") contains "home"',
    'any(http.request.headers.names[*] eq "x-a")',
    'all(http.request.headers.values[*] ne "x")',
    'lookup_json_string(http.request.body.raw, "a") eq "b"',
    'any(url_decode(http.request.headers.values[*])[*] contains "x")',
]
# Fields that a stranger writes, or that nobody here knows.
WRITTEN_BY_A_STRANGER = [
    'http.user_agent contains "Home Assistant"',
    'http.cookie contains "a=b"',
    'http.referer eq "https://x.example"',
    'http.request.method eq "OPTIONS"',
    'http.request.uri.query contains "x"',
    'http.request.uri contains "x"',
    'http.request.full_uri contains "x"',
    'raw.http.request.uri.path contains "x"',
    'http.request.headers["x-a"][0] eq "b"',
    'http.request.headers["host"][0] eq "x"',
    'http.x_forwarded_for contains "192.0.2.1"',
    'http.request.version eq "HTTP/1.0"',
    'not ip.src.country in {"DE"}',
    "not ssl",
    "cf.bot_management.verified_bot",
    "cf.client.bot",
    'http.request.uri.path contains "x"',
    'http.request.uri.path eq "/auth/token"',
    'http.request.uri.path wildcard "/auth/*"',
]
# What rules learn of the certificate of a stranger, who has one of another authority.
STRANGERS_CERTIFICATE = [
    f'{FINGERPRINT} ne "" and not {VERIFIED}',
    PRESENTED,
    f"{PRESENTED} and not {VERIFIED}",
    f'{FINGERPRINT} eq "{PINS[0]}"',
    f'{FINGERPRINT} contains "a"',
    'cf.tls_client_auth.cert_subject_dn contains "Home Assistant"',
    'cf.tls_client_auth.cert_issuer_dn ne ""',
    'cf.tls_client_auth.cert_serial ne "00"',
    'cf.tls_client_auth.cert_not_after contains "2030"',
    f"not {REVOKED}",
    VERIFIED,
]


@pytest.mark.parametrize(
    "expression",
    [
        *BEHIND_THE_COLON,
        *IN_OTHER_LETTERS,
        *FUNCTIONS,
        *WRITTEN_BY_A_STRANGER,
        *STRANGERS_CERTIFICATE,
    ],
)
def test_what_a_stranger_chooses_is_unknown(expression: str) -> None:
    exposure = exposed(behind(skip(expression)), HOST)
    assert exposure is not None
    assert exposure.through == skip(expression)


@pytest.mark.parametrize(
    "expression",
    [
        'http.host eq "nas.example.com"',
        'http.host in {"nas.example.com" "cloud.example.com"}',
        'starts_with(http.host, "nas.")',
        'http.host wildcard "nas*"',
        'http.host wildcard "*.nas.example" and http.host wildcard "nas.*"',
        f'lower(http.host) contains "Cloud" and {OUR_HOST}',
        f"{VERIFIED} and not {REVOKED}",
        f'http.user_agent contains "x" and {VERIFIED} and not {REVOKED}',
    ],
)
def test_what_no_stranger_can_choose_exposes_nothing(expression: str) -> None:
    assert exposed(behind(skip(expression)), HOST) is None


@pytest.mark.parametrize(
    "expression",
    [
        'starts_with(http.request.uri.path, "/api/webhook/")',
        'starts_with(http.request.uri.path, "/api/webhook/abc")',
        'http.request.uri.path wildcard "/api/webhook/*"',
        'http.request.uri.path contains "/api/webhook/"',
        'ends_with(http.request.uri.path, "/abc")',
        'http.request.uri.path contains "."',
        'http.request.uri.path contains ".."',
        'http.request.uri.path contains "%"',
        'http.request.uri.path contains "%2e"',
        'http.request.uri.path eq "/api/webhook/../../auth/token"',
        'starts_with(http.request.uri.path, "/api/webhook/") and not http.request.uri.path contains ".."',
        'starts_with(http.request.uri.path, "/api/webhook/") and not http.request.uri.path contains "%"',
        'starts_with(raw.http.request.uri.path, "/api/webhook/") and not http.request.uri.path contains ".." and not http.request.uri.path contains "%"',
        'starts_with(http.request.uri.path, "/api/")',
    ],
)
def test_path_that_climbs_out_of_an_exempt_one_exposes(expression: str) -> None:
    """A zone may have switched URL normalisation off."""
    assert exposed(behind(skip(expression), WEBHOOKS), HOST, WEBHOOKS) is not None


@pytest.mark.parametrize(
    "expression",
    [
        'http.request.uri.path eq "/api/webhook/abc"',
        'http.request.uri.path in {"/api/webhook/abc" "/api/webhook/"}',
        'starts_with(http.request.uri.path, "/api/webhook/") and not http.request.uri.path contains ".." and not http.request.uri.path contains "%"',
        'not http.request.uri.path contains "%" and starts_with(http.request.uri.path, "/api/webhook/a") and not http.request.uri.path contains "."',
    ],
)  # fmt: skip
def test_rule_for_exempt_paths_alone_exposes_nothing(expression: str) -> None:
    assert exposed(behind(skip(expression), WEBHOOKS), HOST, WEBHOOKS) is None


_PIECES = ("", "/", "/api/webhook", "/api/webhook/", "a", "..", ".", "%2e", "%", "//", "/auth/token", "\\")  # fmt: skip
_PATHS = ["".join(pieces) for pieces in product(_PIECES, repeat=3)]


@given(st.sampled_from(_PATHS), st.sampled_from([(), WEBHOOKS.exempt_paths, ("/a/", "/auth/"), ("/a", "/auth/token")]))  # fmt: skip
@search(500)
def test_rule_and_judgement_agree_on_exempt_paths(
    path: str, exempt_paths: tuple[str, ...]
) -> None:
    """The rule that we write lets strangers pass on exempt paths, and on no other."""
    block = parse_as_cloudflare(block_expression({HOST: admits(*exempt_paths)}))
    blocked = block.matches(asked(path))
    assert blocked is not is_exempt(path, exempt_paths)


@pytest.mark.parametrize("foreign", MAY_END_THE_RULES)
def test_rule_that_may_end_the_evaluation_exposes(foreign: Rule) -> None:
    exposure = exposed(behind(foreign), HOST)
    assert exposure is not None
    assert exposure.through == foreign
    assert exposed(published(skip_rule(), block_rule(), foreign), HOST) is None


@pytest.mark.parametrize(
    "foreign",
    [
        rule("execute", 'http.host eq "nas.example.com"'),
        rule("managed_challenge", f"{VERIFIED} and not {REVOKED}"),
        rule("execute", "ssl", enabled=False),
        rule("log", "ssl"),
        rule("block", 'ip.src.country ne "DE"'),
        rule("skip", "ssl", parameters={"products": ["bic", "waf"]}),
        rule("skip", "ssl", parameters={"phases": ["http_ratelimit"]}),
        rule("skip", "ssl"),
    ],
)
def test_rule_that_ends_no_evaluation_exposes_nothing(foreign: Rule) -> None:
    assert exposed(behind(foreign), HOST) is None


@pytest.mark.parametrize("parameter", ["ruleset", "phase"])
def test_skip_of_the_rest_certainly_ends_the_evaluation(parameter: str) -> None:
    foreign = rule("skip", "ssl", parameters={parameter: "current", "products": []})
    assert ends_evaluation(foreign) is True


@pytest.mark.parametrize("action", ["managed_challenge", "js_challenge", "challenge", "execute", "allow"])  # fmt: skip
def test_nothing_but_a_block_blocks(action: str) -> None:
    own = rule(action, block_rule().expression, BLOCK_REF)
    exposure = exposed(published(own), HOST)
    assert exposure is not None
    assert exposure.visitor is Visitor.NO_CERTIFICATE


def test_block_with_other_conditions_is_no_lock() -> None:
    """It blocks some of the requests only, say those with leaked passwords."""
    own = replace(block_rule(), has_other_conditions=True)
    exposure = exposed(published(skip_rule(), own), HOST)
    assert exposure is not None
    assert exposure.visitor is Visitor.NO_CERTIFICATE


@pytest.mark.parametrize(
    ("asks", "visitor"),
    [
        (f'{FINGERPRINT} eq "" or {REVOKED}', Visitor.UNACCEPTED_CERTIFICATE),
        (f"not {PRESENTED} or {REVOKED}", Visitor.UNACCEPTED_CERTIFICATE),
        (f"not {PRESENTED}", Visitor.UNACCEPTED_CERTIFICATE),
        (f"not {VERIFIED}", Visitor.REVOKED_CERTIFICATE),
        (f"{PRESENTED} and not {VERIFIED} or {REVOKED}", Visitor.NO_CERTIFICATE),
        (f'not {FINGERPRINT} in {{"{PINS[0]}"}} or {REVOKED}', Visitor.UNACCEPTED_CERTIFICATE),
    ],
)  # fmt: skip
def test_block_that_a_handshake_passes_by(asks: str, visitor: Visitor) -> None:
    foreign = rule("block", f"{OUR_HOST} and ({asks})")
    exposure = exposed(published(foreign), HOST)
    assert exposure is not None
    assert exposure.visitor is visitor


def test_expired_certificate_of_a_companion_device_is_a_strangers() -> None:
    """Its fingerprint is pinned, and Cloudflare does not accept it."""
    pinned = admits(pinned=PINS[:1])
    foreign = skip(f'{FINGERPRINT} in {{"{PINS[0]}"}} and not {REVOKED}')
    exposure = exposed(behind(foreign, pinned), HOST, pinned)
    assert exposure is not None
    assert exposure.visitor is Visitor.UNACCEPTED_CERTIFICATE


@pytest.mark.parametrize("pinned", [None, frozenset(), frozenset(PINS[:2])])
def test_every_handshake_is_good_or_a_strangers(pinned: frozenset[str] | None) -> None:
    """Only a presented certificate can be verified, and only a verified one revoked."""
    possible = {
        (presented, verified, revoked)
        for presented, verified, revoked in product((False, True), repeat=3)
        if presented >= verified >= revoked
    }
    strangers = {
        (item.presented, item.verified, item.revoked) for item in handshakes(pinned)
    }
    good = set() if pinned is not None else {(True, True, False)}
    assert strangers == possible - good
