"""Random zones: our rules and foreign ones in any order, DNS records and ingress rules, and who may pass."""

from dataclasses import dataclass, replace
from typing import Any, Final

from hypothesis import strategies as st

from custom_components.cloudflare_mtls.engine.api.models import (
    DnsRecord,
    Observation,
    Rule,
)
from custom_components.cloudflare_mtls.engine.rules.admissions import Admission
from custom_components.cloudflare_mtls.engine.rules.expressions import (
    block_expression,
    skip_expression,
)
from tests.engine.builders import (
    BLOCK_REF,
    ENDS_THE_RULES,
    HOST,
    SERVICE,
    SKIP_REF,
    UNKNOWN_TUNNEL,
    admits,
    observed,
    record,
    rule,
    serves,
)

from .expressions import BLOCKS, CLOSE_TO_OURS, EXPRESSIONS
from .handshakes import DEVICES

IDNA_HOST: Final = "xn--hhe-sna.example.com"
_UNICODE: Final = "höhe.example.com"
_NEIGHBOUR: Final = "nas.example.com"


@dataclass(frozen=True)
class World:
    """What was observed of a zone, a hostname in it, and who may pass there."""

    observation: Observation
    hostname: str
    admission: Admission


_HOSTNAMES: Final = st.sampled_from([HOST, HOST, HOST, IDNA_HOST])
_ADMISSIONS: Final = st.builds(
    lambda paths, pins: admits(*paths, pinned=pins),
    st.sampled_from(
        [
            (),
            (),
            ("/api/webhook/",),
            ("/api/webhook/", "/local/"),
            ("/auth/token", "/local/"),
        ]
    ),
    st.sampled_from([None, None, DEVICES[:1], DEVICES[1:], DEVICES, ()]),
)

_ACTIONS: Final[st.SearchStrategy[tuple[str, dict[str, Any]]]] = st.sampled_from(
    [
        *[("skip", ENDS_THE_RULES)] * 6,
        ("skip", {"phase": "current"}),
        ("skip", {"phase": "current", "products": ["bic"]}),
        ("skip", {"products": ["bic", "securityLevel"]}),
        ("skip", {"phases": ["http_ratelimit", "http_request_firewall_managed"]}),
        ("skip", {"ruleset": "current", "phases": ["http_ratelimit"]}),
        ("skip", {"rulesets": ["rs"]}), ("skip", {"rulesets": ["managed"]}),
        ("skip", {"products": ["custom"]}), ("skip", {"everything": True}), ("rewrite", {}),
        ("block", {}), ("block", {}),
        ("managed_challenge", {}), ("js_challenge", {}), ("log", {}),
        ("execute", {"id": "custom"}),
    ]
)  # fmt: skip


@st.composite
def _foreign(draw: st.DrawFn, number: int) -> Rule:
    action, parameters = draw(_ACTIONS)
    return rule(
        action,
        draw(EXPRESSIONS),
        f"foreign-{number}",
        enabled=draw(st.integers(0, 9)) > 0,
        parameters=dict(parameters),
    )


def own_block(
    hostname: str, admission: Admission, neighbour: Admission | None = None
) -> Rule:
    """Return our block rule; it may name another hostname, for other devices."""
    admissions = {hostname: admission} | ({_NEIGHBOUR: neighbour} if neighbour else {})
    return rule("block", block_expression(admissions), BLOCK_REF)


def own_skip(
    hostname: str, admission: Admission, neighbour: Admission | None = None
) -> Rule:
    """Return our skip rule; it may name another hostname, for other devices."""
    admissions = {hostname: admission} | ({_NEIGHBOUR: neighbour} if neighbour else {})
    return rule(
        "skip",
        skip_expression(admissions),
        SKIP_REF,
        parameters={**ENDS_THE_RULES, "phases": ["http_ratelimit"]},
    )


@st.composite
def _own(draw: st.DrawFn, hostname: str, admission: Admission) -> list[Rule]:
    """Draw our rules: mostly as they have to be, else for other paths and pins, disabled or missing."""
    if draw(st.integers(0, 3)) == 0:
        admission = draw(_ADMISSIONS)
    neighbour = draw(st.none() | _ADMISSIONS)
    block, skip = (
        write(hostname, admission, neighbour) for write in (own_block, own_skip)
    )
    rules = draw(
        st.sampled_from(
            [[skip, block], [skip, block], [skip, block], [block], [block, skip], [], [skip],
             [skip, replace(block, enabled=False)], [replace(block, action="managed_challenge")]]
        )
    )  # fmt: skip
    # There is no skip rule where no certificate is good.
    return [each for each in rules if each.expression]


def _records(hostname: str) -> st.SearchStrategy[list[DnsRecord]]:
    tunnelled = [record(hostname)]
    return st.sampled_from(
        [
            *[tunnelled] * 6,
            [record("*.example.com", ours=False)],
            [record(hostname, tunnel_id=UNKNOWN_TUNNEL)],
            [record(hostname, kind="A", content="192.0.2.1", ours=False)],
            [record(hostname, kind="A", content="192.0.2.1", ours=False, proxied=False)],
            [record(hostname, proxied=False)],
            [record(hostname, kind="NS", content="ns.elsewhere.example", ours=False, proxied=False)],
            [record("*.example.com", kind="A", content="192.0.2.1", ours=False, proxied=False)],
            [record("*.example.com", kind="A", content="192.0.2.1", ours=False)],
            [record("*.com", ours=False)],
            [record(hostname, content="nas.example.com", ours=False)],
            [record(hostname, content="elsewhere.example", ours=False, proxied=False)],
            [record(hostname, kind="TXT", content="x", ours=False), *tunnelled],
            [],
        ]
    )  # fmt: skip


def _ingress(hostname: str) -> st.SearchStrategy[list[Any]]:
    """Draw the rules of a tunnel, the last of which takes everything."""
    entry = st.sampled_from(
        [
            serves(hostname), serves(hostname), serves(hostname, "http_status:404"),
            serves(hostname.upper(), "http_status:404"), serves(hostname.title()),
            serves("*.example.com"), serves("*.EXAMPLE.com", "http_status:404"), serves("*.example.com", "http_status:403"),
            serves(hostname, "http_status:404", path="^/auth"), serves(hostname, path="^/api"),
            serves(hostname, "http_status:404", path="^/a"), serves(hostname, path="^/x y"), serves("*", "http_status:404", path="\\.\\."),
            serves(hostname, "hello_world"), serves("", "http_status:404", path="^/api/webhook"),
            serves(_UNICODE), serves(_UNICODE, "http_status:404"), serves("nas.example.com", "http://192.168.1.2:80"),
        ]
    )  # fmt: skip
    last = st.sampled_from(["http_status:404", "http_status:404", SERVICE])
    return st.one_of(
        st.just([serves(hostname), serves(None, "http_status:404")]),
        st.builds(
            lambda entries, service: [*entries, serves(None, service)],
            st.lists(entry, max_size=3),
            last,
        ),
    )


@st.composite
def _anything(draw: st.DrawFn) -> World:
    """Draw a zone with one hostname that is protected, or was, or should be."""
    hostname = draw(_HOSTNAMES)
    admission = draw(_ADMISSIONS)
    own = draw(_own(hostname, admission))
    foreign = [draw(_foreign(number)) for number in range(draw(st.integers(0, 3)))]
    observation = observed(
        rules=draw(st.permutations([*own, *foreign])),
        records=draw(_records(hostname)),
        ingress=draw(_ingress(hostname)),
        associations=[hostname],
        plan="business",
        is_local=draw(st.integers(0, 4)) == 0,
    )
    if draw(st.integers(0, 9)) == 0:
        observation = replace(observation, gone_tunnels=frozenset({UNKNOWN_TUNNEL}))
    return World(observation, hostname, admission)


@st.composite
def _one_rule_too_many(draw: st.DrawFn) -> World:
    """Draw a zone in which everything is as it has to be, but for one foreign rule ahead of ours."""
    hostname = draw(_HOSTNAMES)
    admission = draw(_ADMISSIONS)
    expression = draw(st.one_of(CLOSE_TO_OURS, CLOSE_TO_OURS, EXPRESSIONS))
    action, parameters = draw(_ACTIONS)
    foreign = rule(action, expression, parameters=dict(parameters))
    return World(protected_by(hostname, admission, foreign), hostname, admission)


@st.composite
def _another_block(draw: st.DrawFn) -> World:
    """Draw a zone in which somebody else's rules block instead of ours."""
    admission = draw(_ADMISSIONS)
    expressions = draw(st.lists(BLOCKS, min_size=1, max_size=2))
    return World(blocked_by(HOST, *expressions), HOST, admission)


def protected_by(
    hostname: str, admission: Admission, *foreign: Rule, behind: tuple[Rule, ...] = ()
) -> Observation:
    """Return a zone with our two rules, and foreign ones ahead of them and behind."""
    own = [own_skip(hostname, admission), own_block(hostname, admission)]
    return observed(
        rules=[*foreign, *(each for each in own if each.expression), *behind],
        records=[record(hostname)],
        ingress=[serves(hostname), serves(None, "http_status:404")],
        associations=[hostname],
        plan="business",
    )


def blocked_by(hostname: str, *expressions: str) -> Observation:
    """Return a zone in which only foreign rules block."""
    return observed(
        rules=[
            rule("block", expression, f"foreign-{number}")
            for number, expression in enumerate(expressions)
        ],
        records=[record(hostname)],
        ingress=[serves(hostname), serves(None, "http_status:404")],
        plan="business",
    )


WORLDS: Final = st.one_of(
    _anything(), _one_rule_too_many(), _one_rule_too_many(), _another_block()
)

# What guides and the dashboard's templates have people add; none of it concerns the hostname.
_ORDINARY_RULES: Final = st.sampled_from(
    [
        rule("block", 'not ip.src.country in {"DE" "AT" "CH"}', "countries"),
        rule("block", 'http.user_agent contains "sqlmap" or http.user_agent eq ""', "bad-bots"),
        rule("block", 'http.request.uri.path contains "/wp-login.php"', "wordpress"),
        rule("block", 'http.host eq "nas.example.com"', "nas-closed"),
        rule("managed_challenge", 'http.host eq "nas.example.com" and ip.src.country ne "DE"', "nas-challenge"),
        rule("js_challenge", 'http.host in {"nas.example.com" "photos.example.com"}', "two-challenges"),
        rule("skip", 'http.host eq "nas.example.com"', "nas-open", parameters=ENDS_THE_RULES),
        rule("skip", 'http.host eq "nas.example.com" and ip.src in {203.0.113.0/24}', "nas-office", parameters=ENDS_THE_RULES),
        rule("skip", 'starts_with(http.host, "photos.example.com")', "photos-open", parameters=ENDS_THE_RULES),
        rule("skip", 'http.host in {"photos.example.com" "nas.example.com"}', "two-open", parameters=ENDS_THE_RULES),
        rule("skip", "ip.src in {203.0.113.0/24}", "office-browser-check", parameters={"products": ["bic"]}),
        rule("skip", "ssl", "later-phases", parameters={"phases": ["http_ratelimit"]}),
        rule("log", "ssl", "log"),
        rule("skip", 'http.host eq "nas.example.com"', "nas-phase", parameters={"phase": "current"}),
        rule("skip", "ssl", "disabled", enabled=False, parameters=ENDS_THE_RULES),
    ]
)  # fmt: skip
_BEHIND_OURS: Final = st.sampled_from(
    [
        rule("managed_challenge", "ssl", "challenge-all"),
        rule("skip", "ssl", "skip-all", parameters=ENDS_THE_RULES),
        rule("execute", "ssl", "custom", parameters={"id": "custom"}),
        rule("block", "not ssl", "plain-http"),
    ]
)


@st.composite
def _ordinary(draw: st.DrawFn) -> World:
    hostname = draw(_HOSTNAMES)
    admission = draw(_ADMISSIONS)
    ahead = draw(st.lists(_ORDINARY_RULES, max_size=3, unique_by=lambda each: each.ref))
    behind = draw(st.lists(_BEHIND_OURS, max_size=2, unique_by=lambda each: each.ref))
    observation = protected_by(hostname, admission, *ahead, behind=tuple(behind))
    return World(observation, hostname, admission)


ORDINARY_WORLDS: Final = _ordinary()
