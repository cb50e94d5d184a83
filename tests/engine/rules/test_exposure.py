"""Who gets in without a good certificate, and through which rule."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.models import (
    DnsRecord,
    Observation,
    Rule,
)
from custom_components.cloudflare_mtls.engine.rules.exposure import (
    Visitor,
    exposed,
    lets_in,
)
from custom_components.cloudflare_mtls.engine.rules.expressions import block_expression
from tests.engine.builders import (
    BLOCK_REF,
    CATCH_ALL,
    ENDS_THE_RULES,
    HOST,
    OTHER,
    SERVICE,
    TUNNEL_ID,
    UNKNOWN_TUNNEL,
    admits,
    block_rule,
    in_sync,
    observed,
    published,
    record,
    rule,
    serves,
    skip,
    skip_rule,
)

UNVERIFIED = "(not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)"
VERIFIED = "cf.tls_client_auth.cert_verified"
REVOKED = "cf.tls_client_auth.cert_revoked"
FINGERPRINT = "cf.tls_client_auth.cert_fingerprint_sha256"
WITHOUT_REVOKED = (
    f'starts_with(lower(http.host), "{HOST}") and not cf.tls_client_auth.cert_verified'
)
REVOKED_ONLY = f'starts_with(lower(http.host), "{HOST}") and {REVOKED}'
EQUALS_ONLY = f'http.host eq "{HOST}" and {UNVERIFIED}'
HOME = f'http.host contains "{HOST}"'


def reached(**how: Any) -> Observation:
    """Return a hostname without rules, reached in the given way."""
    defaults: dict[str, Any] = {
        "records": [record()],
        "ingress": [serves(), CATCH_ALL],
    }
    return observed(**{**defaults, **how})


@pytest.mark.parametrize(
    "observation",
    [
        pytest.param(reached(), id="no rule"),
        pytest.param(reached(records=[record("*.example.com")]), id="wildcard DNS"),
        pytest.param(
            reached(records=[record(kind="A", content="192.0.2.1")]),
            id="address of its own",
        ),
        pytest.param(
            reached(records=[record(tunnel_id=UNKNOWN_TUNNEL)]), id="unknown tunnel"
        ),
        pytest.param(reached(is_local=True), id="tunnel managed locally"),
        pytest.param(
            reached(
                records=[record(proxied=False), record(kind="AAAA", content="2001:db8::1")]
            ),
            id="one of two records proxied",
        ),
        pytest.param(
            reached(ingress=[serves("*.example.com"), CATCH_ALL]), id="wildcard ingress"
        ),
        pytest.param(reached(ingress=[serves(None)]), id="catch-all to an origin"),
        pytest.param(reached(ingress=[serves("*")]), id="star as catch-all"),
        pytest.param(
            reached(ingress=[serves(path="^/api"), CATCH_ALL]), id="ingress for a path"
        ),
        pytest.param(
            reached(
                ingress=[serves(service="http_status:403", path="^/a"), serves(), CATCH_ALL]
            ),
            id="only a path answered by the tunnel itself",
        ),
        pytest.param(
            reached(ingress=[serves(HOST.upper()), CATCH_ALL]), id="upper-case ingress"
        ),
        pytest.param(
            reached(ingress=[serves(f"{HOST}."), CATCH_ALL]), id="ingress with a dot"
        ),
        pytest.param(
            reached(
                ingress=[serves(service="http_status:403"), serves("*.example.com"), CATCH_ALL]
            ),
            id="a status that a visitor in capitals passes by",
        ),
        pytest.param(
            reached(ingress=[serves("*.EXAMPLE.com", "http_status:403"), serves(None)]),
            id="a status for a wildcard in capitals",
        ),
        pytest.param(
            reached(ingress=[serves("*.example.com", "http_status:403"), serves(None)]),
            id="a status that a visitor with a dot passes by",
        ),
        pytest.param(
            reached(ingress=[serves("*.nas.example"), CATCH_ALL]),
            id="wildcard that matches behind two colons",
        ),
        pytest.param(
            reached(ingress=[serves(service="http_status:403")]),
            id="list that cloudflared refuses",
        ),
        pytest.param(
            reached(
                records=[
                    record(content=f"{TUNNEL_ID}.CFARGOTUNNEL.com."),
                ]
            ),
            id="record in upper case with a dot",
        ),
    ],
)  # fmt: skip
def test_reached_and_not_blocked_is_exposed(observation: Observation) -> None:
    exposure = exposed(observation, HOST)
    assert exposure is not None
    assert exposure.through is None
    # A complete block rule closes it, in whichever way it is reached.
    guarded = replace(observation, ruleset=published(block_rule()).ruleset)
    assert exposed(guarded, HOST) is None


@pytest.mark.parametrize(
    "observation",
    [
        pytest.param(reached(records=[]), id="no record"),
        pytest.param(reached(records=[record(proxied=False)]), id="grey record"),
        pytest.param(
            reached(records=[record(proxied=False), record("*.example.com")]),
            id="grey record ahead of a wildcard",
        ),
        pytest.param(
            reached(records=[record(kind="TXT", content="x")]), id="only a text"
        ),
        pytest.param(reached(records=[record(OTHER)]), id="another's record"),
        pytest.param(
            reached(records=[record("*.sub.example.com")]), id="wildcard elsewhere"
        ),
        pytest.param(reached(ingress=[]), id="tunnel that serves nothing"),
        pytest.param(reached(ingress=[CATCH_ALL]), id="only a status"),
        pytest.param(reached(ingress=[serves(OTHER), CATCH_ALL]), id="another's ingress"),
        pytest.param(
            reached(ingress=[serves(service="http_status:403"), serves(OTHER), CATCH_ALL]),
            id="a status ahead of another's ingress",
        ),
    ],
)  # fmt: skip
def test_hostname_without_an_origin_is_not_exposed(observation: Observation) -> None:
    assert exposed(observation, HOST) is None


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("CNAME", "home.dyndns.example"),
        ("CNAME", "nas.example.com"),
        ("HTTPS", "1 home.dyndns.example"),
        ("SVCB", "1 home.dyndns.example"),
        ("NS", "ns.dyndns.example"),
    ],
)
def test_record_that_leads_past_cloudflare_exposes(kind: str, content: str) -> None:
    """Whatever the rules are: no visitor meets them."""
    around = record(kind=kind, content=content, proxied=False)
    for records in ([around], [record(), around]):
        exposure = exposed(replace(in_sync(), records=tuple(records)), HOST)
        assert exposure is not None
        assert exposure.visitor is Visitor.NO_CERTIFICATE
        assert exposure.through is None


def test_paused_zone_proxies_nothing() -> None:
    world = in_sync()
    paused = replace(world, zone=replace(world.zone, active=False, paused=True))
    assert exposed(paused, HOST) is None
    proxied = record(kind="A", content="192.0.2.1")
    assert exposed(replace(paused, records=(proxied,)), HOST) is not None


@pytest.mark.parametrize(
    "other",
    [
        record(OTHER, kind="A", content="192.0.2.1", proxied=False),
        record("*.example.com", kind="A", content="192.0.2.1", proxied=False),
        record(kind="A", content="192.0.2.1"),
        record(proxied=False),
        record(kind="TXT", content="192.0.2.1", proxied=False),
    ],
)
def test_record_that_leads_through_cloudflare_exposes_nothing(other: DnsRecord) -> None:
    assert exposed(replace(in_sync(), records=(other,)), HOST) is None


@pytest.mark.parametrize(
    ("own", "revoked"),
    [
        pytest.param(replace(block_rule(), enabled=False), False, id="disabled"),
        pytest.param(replace(block_rule(), action="log"), False, id="log"),
        pytest.param(replace(block_rule(), expression=WITHOUT_REVOKED), True, id="revoked ones pass"),
        pytest.param(replace(block_rule(), expression=REVOKED_ONLY), False, id="only revoked ones are blocked"),
        pytest.param(replace(block_rule(), expression=EQUALS_ONLY), False, id="port passes"),
        pytest.param(
            replace(block_rule(), expression=f'http.host wildcard "{HOST}*" and not http.host contains ".com." and {UNVERIFIED}'),
            False, id="trailing dot passes",
        ),
        pytest.param(
            replace(block_rule(), expression=f'starts_with(http.host, "{HOST}") and {UNVERIFIED}'),
            False, id="upper case passes",
        ),
        pytest.param(replace(block_rule(), expression=f"ip.src.country ne \"DE\" and ({block_rule().expression})"), False, id="one country passes"),
        pytest.param(replace(block_rule(), expression="http.host matches \".*\""), False, id="unreadable"),
        pytest.param(block_rule(OTHER), False, id="another hostname's"),
    ],
)  # fmt: skip
def test_block_rule_that_lets_somebody_pass(own: Rule, revoked: bool) -> None:
    exposure = exposed(published(own), HOST)
    assert exposure is not None
    visitor = Visitor.REVOKED_CERTIFICATE if revoked else Visitor.NO_CERTIFICATE
    assert (exposure.hostname, exposure.visitor) == (HOST, visitor)
    assert exposure.through is None


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param(skip(HOME), id="for the hostname"),
        pytest.param(skip('ip.src.country eq "DE"'), id="for a country"),
        pytest.param(skip("ip.src in $office"), id="for a list"),
        pytest.param(skip('http.host matches ".*"'), id="for what we cannot read"),
        pytest.param(skip("((("), id="that nobody can read"),
        pytest.param(skip('http.request.uri.path eq "/"'), id="for a path"),
        pytest.param(skip("cf.tls_client_auth.cert_verified"), id="for revoked ones"),
        pytest.param(skip("not cf.tls_client_auth.cert_verified"), id="for nobody"),
        pytest.param(skip(f'http.host eq "{HOST}:8443"'), id="for port 8443"),
        pytest.param(skip(f'http.host eq "{HOST}:2053"'), id="for port 2053"),
        pytest.param(skip('http.host wildcard "*8443"'), id="for any port 8443"),
        pytest.param(skip(f'http.host eq "{HOST.title()}"'), id="for mixed case"),
        pytest.param(skip(f'http.host eq "{HOST}.:443"'), id="for a dot and a port"),
        pytest.param(
            skip(rf'http.host eq "\x68{HOST[1:]}"'), id="for the hostname, escaped"
        ),
        pytest.param(
            rule("skip", HOME, parameters={"phase": "current"}), id="of the whole phase"
        ),
    ],
)
def test_foreign_skip_rule_ahead_exposes(foreign: Rule) -> None:
    exposure = exposed(published(foreign, skip_rule(), block_rule()), HOST)
    assert exposure is not None
    assert exposure.through == foreign


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([skip_rule(), block_rule()], id="ours alone"),
        pytest.param([block_rule(), skip_rule()], id="ours the other way round"),
        pytest.param([skip_rule(), block_rule(), skip(HOME)], id="foreign after"),
        pytest.param([skip(HOME, enabled=False), block_rule()], id="foreign disabled"),
        pytest.param(
            [skip('http.host eq "nas.example.com"'), block_rule()],
            id="foreign for another hostname",
        ),
        pytest.param(
            [rule("skip", HOME, parameters={"products": ["bic"]}), block_rule()],
            id="foreign that skips products only",
        ),
        pytest.param(
            [rule("skip", HOME, parameters={"phases": ["http_ratelimit"]}), block_rule()],
            id="foreign that skips other phases only",
        ),
        pytest.param(
            [skip("cf.tls_client_auth.cert_verified and not cf.tls_client_auth.cert_revoked"), block_rule()],
            id="foreign for good certificates",
        ),
        pytest.param(
            [rule("block", f'{UNVERIFIED} and lower(http.host) contains "mobile.example.com"')],
            id="foreign block of the same meaning",
        ),
        pytest.param(
            [rule("block", f'starts_with(lower(http.host), "{HOST}") and (not {VERIFIED} or {FINGERPRINT} eq "" or {REVOKED})')],
            id="foreign block that asks for a fingerprint too",
        ),
        pytest.param(
            [rule("log", HOME, parameters=ENDS_THE_RULES), block_rule()],
            id="log with the parameters of a skip",
        ),
        pytest.param(
            [rule("block", f'{HOME} and http.host contains "8443"'), block_rule()],
            id="more than one block",
        ),
        pytest.param(
            [block_rule(), rule("managed_challenge", HOME)], id="challenge after"
        ),
    ],
)  # fmt: skip
def test_block_rule_that_is_reached_closes(rules: list[Rule]) -> None:
    assert exposed(published(*rules), HOST) is None


def test_exempt_paths_must_not_be_wider_than_the_settings() -> None:
    expression = block_expression({HOST: admits("/api/webhook/", "/local/")})
    observation = published(rule("block", expression, BLOCK_REF))
    assert exposed(observation, HOST, admits("/api/webhook/", "/local/")) is None
    assert exposed(observation, HOST, admits("/api/", "/local/")) is None
    assert exposed(observation, HOST, admits("/api/webhook/")) is not None
    assert exposed(observation, HOST) is not None


def test_missing_association_exposes_nothing() -> None:
    """Where Cloudflare asks for no certificate, no visitor has one."""
    assert exposed(replace(in_sync(), associations=()), HOST) is None


def test_other_hostnames_are_judged_by_their_own_name() -> None:
    observation = published(block_rule(HOST), hostnames=[HOST, OTHER])
    assert exposed(observation, HOST) is None
    assert exposed(observation, OTHER) is not None
    assert observation.configurations[TUNNEL_ID].ingress[1].service == SERVICE


OWN, OLD = "a" * 64, "b" * 64
LISTS_OLD = rule("block", block_expression({HOST: admits(pinned={OLD})}), BLOCK_REF)
LISTS_OLD_WITH_WEBHOOKS = rule(
    "block",
    block_expression({HOST: admits("/api/webhook/", pinned={OLD})}),
    BLOCK_REF,
)


@pytest.mark.parametrize(
    ("rules", "passes"),
    [
        pytest.param([], True, id="none"),
        pytest.param([block_rule()], True, id="any certificate"),
        pytest.param([skip_rule(), block_rule()], True, id="both of ours"),
        pytest.param([LISTS_OLD], False, id="another one is listed"),
        pytest.param([replace(LISTS_OLD, enabled=False)], True, id="list that is off"),
        pytest.param([skip(VERIFIED), LISTS_OLD], True, id="skipped"),
        pytest.param([skip(f'{FINGERPRINT} eq "{OLD}"'), LISTS_OLD], False, id="skipped by another one"),
        pytest.param([rule("block", HOME)], False, id="nobody"),
        pytest.param([rule("block", f'http.host eq "{HOST}"')], False, id="nobody by this name"),
        pytest.param([rule("block", f'http.host eq "{OTHER}"')], True, id="nobody elsewhere"),
        pytest.param([rule("block", f"{HOME} and not {VERIFIED}")], True, id="verified"),
        pytest.param([rule("block", f"{HOME} and {REVOKED}")], True, id="not revoked"),
        pytest.param([rule("block", f"{HOME} and cf.tls_client_auth.cert_presented")], False, id="presented"),
        pytest.param([rule("block", 'ip.src.country ne "DE"')], True, id="some countries only"),
        pytest.param([rule("block", 'http.request.uri.path eq "/admin"')], True, id="some paths only"),
        pytest.param([LISTS_OLD_WITH_WEBHOOKS], False, id="another one is listed, and a path is exempt"),
        pytest.param([skip('starts_with(http.request.uri.path, "/api/webhook/")'), LISTS_OLD], False, id="skipped at a path"),
        pytest.param([skip('ip.src.country eq "DE"'), LISTS_OLD], False, id="skipped for a country"),
        pytest.param([rule("managed_challenge", HOME), LISTS_OLD], False, id="challenged, and another one is listed"),
        pytest.param([replace(skip(VERIFIED), has_other_conditions=True), LISTS_OLD], False, id="skipped on a condition"),
        pytest.param([rule("block", f'{LISTS_OLD.expression} and ip.src.country ne "DE"')], None, id="another one is listed, for some countries"),
        pytest.param([replace(LISTS_OLD, has_other_conditions=True)], None, id="another one is listed, on a condition"),
        pytest.param([rule("block", f'{HOME} and not cf.tls_client_auth.cert_serial in {{"01"}}')], None, id="listed by serial numbers"),
        pytest.param([rule("block", f'{HOME} and not cf.tls_client_auth.cert_serial in {{"01"}}'), skip(VERIFIED)], None, id="listed by serial numbers, then skipped"),
        pytest.param([rule("block", f'{HOME} and not cf.tls_client_auth.cert_serial in {{"01"}}'), LISTS_OLD], False, id="listed by serial numbers, and another one by fingerprint"),
    ],
)  # fmt: skip
def test_certificate_that_passes(rules: list[Rule], passes: bool | None) -> None:
    """What may match by something else than the certificate lets none in, and keeps none out."""
    assert lets_in(published(*rules).ruleset, HOST, OWN) is passes


def test_certificate_that_is_listed_passes() -> None:
    assert lets_in(published(LISTS_OLD).ruleset, HOST, OLD)
