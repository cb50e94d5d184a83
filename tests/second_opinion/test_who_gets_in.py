"""The engine says that a hostname is exposed wherever the second opinion finds a request that gets in."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, note
import pytest

from custom_components.cloudflare_mtls.engine.api.models import Observation, Rule
from custom_components.cloudflare_mtls.engine.rules.admissions import Admission
from custom_components.cloudflare_mtls.engine.rules.exposure import exposed
from tests.engine.builders import (
    ENDS_THE_RULES,
    HOST,
    SERVICE,
    admits,
    observed,
    record,
    rule,
    serves,
    skip,
)
from tests.engine.searching import search

from .expressions import CERTIFICATE_TEXTS, HOST_TEXTS, PATH_TEXTS, simple_tests
from .intruders import intruder
from .worlds import IDNA_HOST, ORDINARY_WORLDS, WORLDS, World, blocked_by, protected_by

# 20,000 in a night.
_PARTS = 8
_NIGHTLY = 2500


def _agree(world: World) -> None:
    found = intruder(world.observation, world.hostname, world.admission)
    note(f"gets in: {found}")
    if found:
        assert exposed(world.observation, world.hostname, world.admission)


@given(world=WORLDS)
@search(500)
def test_every_intruder_is_seen(world: World) -> None:
    _agree(world)


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(_PARTS))
def test_every_intruder_is_seen_at_night(part: int) -> None:
    search(_NIGHTLY, again=False)(given(world=WORLDS)(_agree))()


_EVERY_FORM = f'starts_with(lower(http.host), "{HOST}")'
_PATH = "http.request.uri.path"
_FINGERPRINT = "cf.tls_client_auth.cert_fingerprint_sha256"
_WEBHOOKS = admits("/api/webhook/")
_PINNED = admits(pinned=["a" * 64])


def _agree_on(world: World) -> bool:
    """Return whether the engine sees what a short search finds."""
    found = intruder(world.observation, world.hostname, world.admission, mixtures=10)
    return not found or bool(exposed(world.observation, world.hostname, world.admission))  # fmt: skip


@pytest.mark.parametrize(
    ("field", "texts", "admission"),
    [
        pytest.param("http.host", HOST_TEXTS, admits(), id="host"),
        pytest.param(_PATH, PATH_TEXTS, _WEBHOOKS, id="path"),
        pytest.param(_FINGERPRINT, CERTIFICATE_TEXTS, admits(), id="fingerprint"),
        pytest.param(_FINGERPRINT, CERTIFICATE_TEXTS, _PINNED, id="pinned"),
    ],
)
def test_every_simple_rule_that_skips_ours(
    field: str, texts: tuple[str, ...], admission: Admission
) -> None:
    """A random zone has most of these rules seldom; here they are all."""
    tests = list(simple_tests(field, texts))
    worlds = (World(protected_by(HOST, admission, skip(test)), HOST, admission) for test in tests)  # fmt: skip
    unseen = [test for test, world in zip(tests, worlds, strict=True) if not _agree_on(world)]  # fmt: skip
    assert unseen == []


@pytest.mark.parametrize(
    ("expression", "field", "texts", "admission"),
    [
        pytest.param("{}", "http.host", HOST_TEXTS, admits(), id="host"),
        pytest.param(f"{_EVERY_FORM} and not ({{}})", _PATH, PATH_TEXTS, _WEBHOOKS, id="not a path"),
        pytest.param(f"{_EVERY_FORM} and ({{}})", _PATH, PATH_TEXTS, _WEBHOOKS, id="path"),
        pytest.param(f"{_EVERY_FORM} and ({{}})", _FINGERPRINT, CERTIFICATE_TEXTS, admits(), id="fingerprint"),
        pytest.param(f"{_EVERY_FORM} and ({{}})", _FINGERPRINT, CERTIFICATE_TEXTS, _PINNED, id="pinned"),
    ],
)  # fmt: skip
def test_every_simple_rule_that_blocks_instead_of_ours(
    expression: str, field: str, texts: tuple[str, ...], admission: Admission
) -> None:
    rules = [expression.format(test) for test in simple_tests(field, texts)]
    worlds = (World(blocked_by(HOST, rule), HOST, admission) for rule in rules)
    unseen = [rule for rule, world in zip(rules, worlds, strict=True) if not _agree_on(world)]  # fmt: skip
    assert unseen == []


def test_seldom_is_a_hostname_said_to_be_exposed_for_nothing() -> None:
    """An engine that always says so would agree with everything above."""
    verdicts: Counter[tuple[bool, bool]] = Counter()

    @given(world=ORDINARY_WORLDS)
    @search(100)
    def count(world: World) -> None:
        found = intruder(world.observation, world.hostname, world.admission)
        says = exposed(world.observation, world.hostname, world.admission)
        verdicts[found is not None, says is not None] += 1

    count()
    closed = verdicts[False, False] + verdicts[False, True]
    print(f"exposed for nothing: {verdicts[False, True]} of {closed} ordinary zones")  # noqa: T201  # a figure for people: pytest -rP shows it
    assert closed > 50
    assert verdicts[False, True] <= closed / 20


def _ahead(foreign: Rule, *exempt_paths: str) -> World:
    """Return a zone with one foreign rule ahead of ours."""
    admission = admits(*exempt_paths)
    return World(protected_by(HOST, admission, foreign), HOST, admission)


def _instead(foreign: Rule) -> World:
    """Return a zone with one foreign rule in place of ours."""
    return World(_with(foreign), HOST, admits())


def _with(*rules: Rule) -> Observation:
    ingress = [serves(), serves(None, "http_status:404")]
    return observed(rules=rules, records=[record()], ingress=ingress)


def _served_by(*ingress: object, hostname: str = HOST) -> World:
    """Return a zone without rules, whose tunnel has these ingress rules."""
    observation = observed(records=[record(hostname)], ingress=ingress)
    return World(observation, hostname, admits())


def _found_before() -> Iterator[object]:
    """Yield the smallest examples of what the engine once did not see."""
    for expression in (
        'http.host contains "cloud"',
        'ends_with(http.host, ".nas.example")',
        'http.host wildcard "*.nas.example"',
        f'starts_with(http.host, "{HOST}:77777777")',
        "http.host contains 68:61:2d",
        "http.host contains 3a:63",
        f'upper(http.host) eq "{HOST.upper()}:X"',
        "len(http.host) gt 64",
        'substring(http.host, 24, 29) eq "cloud"',
        'concat(http.host, "x") wildcard "*:cloudx"',
        f'not http.host in {{"{HOST}"}}',
        "http.host in $hosts",
        'cf.tls_client_auth.cert_fingerprint_sha256 ne "" and not cf.tls_client_auth.cert_verified',
        "cf.tls_client_auth.cert_presented and not cf.tls_client_auth.cert_verified",
        'any(http.request.headers["x-key"][*] eq "y")',
        'all(http.request.headers["x-key"][*] eq "y")',
        'http.request.headers["x-key"][0] ne "y"',
        "notip.src in {}",
        'nothttp.host in {} or http.host in{"x"}',
    ):
        yield pytest.param(_ahead(skip(expression)), id=f"skip {expression}")
    yield pytest.param(
        _ahead(skip('starts_with(http.request.uri.path, "/api/webhook/")'), "/api/webhook/"),
        id="skip of an exempt path that is climbed out of",
    )  # fmt: skip
    for expression in (
        'starts_with(http.request.uri.path, "/auth/token")',
        'http.request.uri.path eq "/auth/token/"',
        'lower(http.request.uri.path) eq "/auth/token"',
    ):
        yield pytest.param(
            _ahead(skip(expression), "/auth/token"),
            id=f"skip of more than an exact path: {expression}",
        )
    for action in ("challenge", "js_challenge", "managed_challenge", "execute"):
        yield pytest.param(_ahead(rule(action, "ssl")), id=f"{action} ahead of ours")
    for parameters in (
        {"rulesets": ["rs"]},
        {"rulesets": ["current"]},
        {"rules": {"rs": ["id-of-cloudflare_mtls_block"]}},
        {"phases": ["http_request_firewall_custom"]},
        {"products": ["custom"]},
        {"everything": True},
        {"phase": "current", "products": ["bic"]},
        {**ENDS_THE_RULES, "phases": ["http_ratelimit"]},
    ):
        yield pytest.param(
            _ahead(rule("skip", "ssl", parameters=parameters)),
            id=f"skip with {parameters}",
        )
    yield pytest.param(
        _instead(
            rule("block", f'starts_with(lower(http.host), "{HOST}") and (cf.tls_client_auth.cert_fingerprint_sha256 eq "" or cf.tls_client_auth.cert_revoked)')
        ),
        id="block only without a fingerprint",
    )  # fmt: skip
    past = record(HOST, kind="A", content="192.0.2.1", ours=False, proxied=False)
    yield pytest.param(
        World(replace(_ahead(rule("log", "ssl")).observation, records=(past,)), HOST, admits()),
        id="an address that is not the edge's",
    )  # fmt: skip
    yield pytest.param(
        _served_by(serves("*.EXAMPLE.com", "http_status:404"), serves(None, SERVICE)),
        id="a wildcard in capitals shuts nothing",
    )
    yield pytest.param(
        _served_by(serves(HOST, "http_status:404"), serves(None, SERVICE)),
        id="a trailing dot or capitals fall through",
    )
    yield pytest.param(
        _served_by(serves("Home-Mobile.Example.com"), serves(None, "http_status:404")),
        id="a name in capitals serves the name in lower case",
    )
    yield pytest.param(
        _served_by(
            serves("höhe.example.com"),
            serves(None, "http_status:404"),
            hostname=IDNA_HOST,
        ),
        id="a Unicode name serves its punycode form",
    )


@pytest.mark.parametrize("world", _found_before())
def test_what_was_found_before(world: World) -> None:
    assert intruder(world.observation, world.hostname, world.admission)
    assert exposed(world.observation, world.hostname, world.admission)
