"""Exempt paths: one that ends with a slash opens what is below it, any other one itself alone."""

import pytest

from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from custom_components.cloudflare_mtls.engine.rules.exempt_paths import (
    Opened,
    is_exempt,
    opened_by,
)
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from sandbox.expressions import parse as parse_as_cloudflare
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    admits,
    published,
    rule,
    skip,
    skip_rule,
)

WEBHOOK = "/api/webhook/5f3c0b5e6f7a4c0d9b1e2a3c4d5e6f70"
# What Google Assistant and Alexa call, and one webhook of many.
NEEDED = (
    "/api/google_assistant",
    "/auth/authorize",
    "/auth/token",
    "/api/alexa/smart_home",
    WEBHOOK,
)


def lets_strangers_pass(path: str, exempt_paths: tuple[str, ...]) -> bool:
    """Return whether our block rule lets a request without a certificate pass."""
    block = parse_as_cloudflare(block_expression({HOST: admits(*exempt_paths)}))
    return not block.matches(
        {
            "http.host": HOST,
            "http.request.uri.path": path,
            "cf.tls_client_auth.cert_verified": False,
            "cf.tls_client_auth.cert_revoked": False,
            "cf.tls_client_auth.cert_fingerprint_sha256": "",
        }
    )


@pytest.mark.parametrize("path", NEEDED)
def test_callers_without_a_certificate_reach_their_path(path: str) -> None:
    assert lets_strangers_pass(path, NEEDED)
    assert is_exempt(path, NEEDED)


@pytest.mark.parametrize(
    "path",
    [
        "/api/google_assistant_other",
        "/api/google_assistant/../states",
        "/api/google_assistant%2f..",
        "/api/states",
        "/auth/tokenx",
        "/auth/token/",
        "/auth/token/x",
        "/auth/login_flow",
        "/AUTH/token",
        "//auth/token",
        "/x/auth/token",
        "/auth",
        "/",
        "/api/webhook/",
        f"{WEBHOOK}0",
        WEBHOOK[:-1],
    ],
)
def test_exact_paths_open_nothing_else(path: str) -> None:
    assert not lets_strangers_pass(path, NEEDED)
    assert not is_exempt(path, NEEDED)


def test_prefixes_and_exact_paths_stand_side_by_side() -> None:
    exempt_paths = ("/local/", "/auth/token", "/.well-known/assetlinks.json")
    reached = ("/local/", "/local/x.png", *exempt_paths)
    closed = ("/local", "/auth/token/x", "/.well-known/", "/local/../auth/x")
    assert all(lets_strangers_pass(path, exempt_paths) for path in reached)
    assert not any(lets_strangers_pass(path, exempt_paths) for path in closed)


def test_exact_path_costs_few_characters() -> None:
    expression = block_expression({HOST: admits(*NEEDED)})
    assert 'http.request.uri.path eq "/auth/token"' in expression
    assert "starts_with(http.request.uri.path" not in expression
    assert len(expression) < 4096


PATH = "http.request.uri.path"


@pytest.mark.parametrize(
    ("expression", "exposes"),
    [
        (f'{PATH} eq "/auth/token"', False),
        (f'{PATH} in {{"/auth/token" "/auth/authorize"}}', False),
        (f'{PATH} in {{"/auth/token" "/auth/tokenx"}}', True),
        (f'{PATH} eq "/auth/token/"', True),
        (f'starts_with({PATH}, "/auth/token")', True),
        (f'starts_with({PATH}, "/auth/token") and not {PATH} contains ".." and not {PATH} contains "%"', True),
        (f'{PATH} wildcard "/auth/token"', True),
    ],
)  # fmt: skip
def test_rules_of_others_are_judged_by_the_same_definition(
    expression: str, exposes: bool
) -> None:
    """A wildcard asks for no case, and what follows an exact path is not exempt."""
    admission = admits(*NEEDED)
    block = rule("block", block_expression({HOST: admission}), BLOCK_REF)
    observation = published(skip(expression), skip_rule(), block)
    assert (exposed(observation, HOST, admission) is not None) is exposes


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (("/auth/token/",), ("/auth/token",)),
        (("/api/google_assistant", "/auth/token"), ("/auth/token",)),
    ],
)
def test_wider_rule_than_the_settings_exposes(
    found: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    block = rule("block", block_expression({HOST: admits(*found)}), BLOCK_REF)
    assert exposed(published(skip_rule(), block), HOST, admits(*wanted)) is not None
    assert exposed(published(skip_rule(), block), HOST, admits(*found)) is None


def test_exempt_paths_are_read_back_from_our_rule() -> None:
    admission = admits("/local/", *NEEDED)
    expression = block_expression({HOST: admission})
    assert read_admissions(expression) == {HOST: admission}


@pytest.mark.parametrize(
    ("written", "rewritten"),
    [
        (f'{PATH} eq "/auth/token"', f'starts_with({PATH}, "/auth/token")'),
        (f'starts_with({PATH}, "/local/")', f'{PATH} eq "/local/"'),
    ],
)
def test_nothing_wider_is_read_from_a_rule_that_somebody_edited(
    written: str, rewritten: str
) -> None:
    """What our rules never say opens nothing once the rule is written again."""
    expression = block_expression({HOST: admits("/local/", "/auth/token")})
    assert written in expression
    admission = read_admissions(expression.replace(written, rewritten))[HOST]
    assert len(admission.exempt_paths) == 1


@pytest.mark.parametrize(
    ("path", "opened"),
    [
        ("/api/", Opened.API),
        ("/api/websocket", Opened.API),
        ("/auth/", Opened.LOGIN),
        ("/auth/login_flow", Opened.LOGIN),
        ("/auth/login_flow/", Opened.LOGIN),
        ("/api/webhook/", Opened.WEBHOOKS),
        ("/api/web", None),
        ("/api/websocket/", None),
        ("/api", None),
        ("/auth", None),
        ("/local/", None),
        *((path, None) for path in NEEDED),
    ],
)
def test_broad_paths_are_recognised(path: str, opened: Opened | None) -> None:
    """By what somebody reaches, not by how a path is written."""
    assert opened_by(path) is opened
