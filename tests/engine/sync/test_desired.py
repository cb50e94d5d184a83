"""What a person may choose, and what follows from it."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.api.models import IngressRule
from custom_components.cloudflare_mtls.engine.rules.admissions import read_admissions
from custom_components.cloudflare_mtls.engine.rules.expressions import skip_expression
from custom_components.cloudflare_mtls.engine.sync.desired import (
    DesiredRule,
    DesiredZone,
)
from custom_components.cloudflare_mtls.engine.sync.settings import (
    Layout,
    ProtectedHostname,
    in_zone,
    is_exempt_path,
    is_service,
    propose,
    read_hostname,
)
from tests.engine.builders import (
    BLOCK_REF,
    HOST,
    OTHER,
    RECORD_COMMENT,
    SERVICE,
    SKIP_REF,
    TUNNEL_ID,
    admits,
    protected,
    serves,
    zone,
)


@pytest.mark.parametrize(
    ("text", "hostname"),
    [
        ("ha.example.com", "ha.example.com"),
        (" HA-Mobile.Example.COM. \n", "ha-mobile.example.com"),
        ("xn--bro-hoa.example.com", "xn--bro-hoa.example.com"),
        ("1.2.example", "1.2.example"),
        (f"{'a' * 63}.example.com", f"{'a' * 63}.example.com"),
        (".".join(["a" * 63] * 3 + ["b" * 61]), ".".join(["a" * 63] * 3 + ["b" * 61])),
        (".".join(["a" * 63] * 3 + ["b" * 62]), None),
        (f"{'a' * 64}.example.com", None),
        (".".join(["a" * 63] * 4), None),
        ("example", None),
        ("", None),
        (".", None),
        ("*.example.com", None),
        ("-a.example.com", None),
        ("a-.example.com", None),
        ("a..example.com", None),
        ("a_b.example.com", None),
        ("ha.example.com:8443", None),
        ("https://ha.example.com", None),
        ("ha.example.com/path", None),
        ('a" or ssl or "b.example.com', None),
        ("a.example.com\nb.example.com", None),
        ("a\x00.example.com", None),
        ("büro.example.com", None),
    ],
)
def test_hostnames(text: str, hostname: str | None) -> None:
    """Hostnames."""
    assert read_hostname(text) == hostname


@pytest.mark.parametrize(
    ("hostname", "inside"),
    [
        ("example.com", True),
        ("a.example.com", True),
        ("a.b.example.com", True),
        ("notexample.com", False),
        ("example.com.evil.test", False),
        ("com", False),
    ],
)
def test_zone_of_a_hostname(hostname: str, inside: bool) -> None:
    """Zone of a hostname."""
    assert in_zone(hostname, zone()) is inside


@pytest.mark.parametrize(
    "service",
    [
        "http://homeassistant:8123", "https://192.168.1.10", "http://[fd00::1]:8123", "http://a_b.local",
        "http://HomeAssistant:8123", "http://[FD00::1]",
    ],
)  # fmt: skip
def test_services(service: str) -> None:
    """Services."""
    assert is_service(service)


@pytest.mark.parametrize(
    "service",
    [
        "", "homeassistant:8123", "http://", "http://a/", "http://a/path", "http://a?b",
        "http://user:password@a", "http://a:123456", "http://a:", "http://a b",
        "http://a\n", "http_status:200", "hello_world", "ssh://a:22", "unix:/run/a",
        "ftp://a", "http://[fd00::1", "http://a#b",
    ],
)  # fmt: skip
def test_what_is_no_service(service: str) -> None:
    """What is no service."""
    assert not is_service(service)


@pytest.mark.parametrize(
    "path",
    ["/api/webhook/", "/local/", "/a/", "/a-b_c~d.e/", "/.well-known/x/", "/A/Z/"],
)
def test_exempt_paths(path: str) -> None:
    """Exempt paths."""
    assert is_exempt_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "//", "///", "/./", "/.//", "a/", "/a", "/a/../", "/../", "/a b/",
        "/%2e%2e/", "/a?b/", "/a*/", '/a"/', "/a\\/", "/a\n/", "/ä/", "//evil.test/",
    ],
)  # fmt: skip
def test_what_is_no_exempt_path(path: str) -> None:
    """What is no exempt path."""
    assert not is_exempt_path(path)


def test_rules_of_a_zone() -> None:
    """Rules of a zone."""
    desired = DesiredZone(
        hostnames=(protected(), protected(OTHER, layout=Layout.BLOCK_ONLY))
    )
    assert desired.block is not None
    assert desired.skip is not None
    assert (desired.block.ref, desired.skip.ref) == (BLOCK_REF, SKIP_REF)
    assert HOST in desired.block.expression
    assert OTHER in desired.block.expression
    assert OTHER not in desired.skip.expression
    # So that a person finds them in the dashboard.
    for rule in (desired.block, desired.skip):
        assert rule.description.startswith("Home Assistant: ")
    assert desired.block.body() == {
        "ref": BLOCK_REF,
        "action": "block",
        "expression": desired.block.expression,
        "description": desired.block.description,
        "enabled": True,
    }
    body = desired.skip.body()
    assert (body["action"], body["enabled"]) == ("skip", True)
    assert body["action_parameters"]["ruleset"] == "current"


def test_what_marks_our_things_stays() -> None:
    """What marks our things stays: what earlier versions wrote is found by it."""
    assert BLOCK_REF == "cloudflare_mtls_block"
    assert SKIP_REF == "cloudflare_mtls_skip"
    assert RECORD_COMMENT == "Home Assistant: Cloudflare mTLS"
    assert set(Layout) == {"skip_and_block", "block_only"}


def test_skip_rule_skips_all_that_the_zone_lets_it() -> None:
    """Skip rule skips all that the zone lets it, in Cloudflare's words."""
    assert DesiredZone(hostnames=(protected(),)).skip == DesiredRule(
        ref=SKIP_REF,
        action="skip",
        expression=skip_expression({HOST: admits()}),
        description="Home Assistant: let devices with a certificate in",
        action_parameters={
            "ruleset": "current",
            "phases": [
                "http_ratelimit",
                "http_request_firewall_managed",
                "http_request_sbfm",
            ],
            "products": [
                "bic",
                "hot",
                "rateLimit",
                "securityLevel",
                "uaBlock",
                "waf",
                "zoneLockdown",
            ],
        },
    )


def test_hostname_is_published_behind_both_rules_unless_told_otherwise() -> None:
    """Hostname is published behind both rules, whole, unless told otherwise."""
    least = ProtectedHostname(hostname=HOST, tunnel_id=TUNNEL_ID, service=SERVICE)
    assert least == protected()
    assert least.published
    zone_of_it = DesiredZone(hostnames=(least,))
    assert zone_of_it.skip is not None
    assert zone_of_it.admission(least) == admits()


def test_neighbours_are_blocked_and_skip_only_if_they_did() -> None:
    """Neighbours are in the block rule, and in the skip rule only if they were."""
    desired = DesiredZone(
        hostnames=(protected(),), neighbours={OTHER: admits("/api/webhook/")}
    )
    assert desired.block
    assert read_admissions(desired.block.expression) == {
        HOST: admits(),
        OTHER: admits("/api/webhook/"),
    }
    assert desired.skip
    assert read_admissions(desired.skip.expression) == {HOST: admits()}
    skipping = replace(desired, skipping_neighbours={OTHER: admits()}).skip
    assert skipping
    assert read_admissions(skipping.expression) == {HOST: admits(), OTHER: admits()}


def test_empty_zone_wants_no_rules() -> None:
    """Empty zone wants no rules."""
    gone = DesiredZone(removed=(protected(),))
    assert gone.block is None
    assert gone.skip is None


def test_zone_of_block_only_hostnames_wants_no_skip() -> None:
    """Zone of block only hostnames wants no skip."""
    only = DesiredZone(hostnames=(protected(layout=Layout.BLOCK_ONLY),))
    assert only.block is not None
    assert only.skip is None


def ingress(*rules: object) -> list[IngressRule]:
    """Return ingress rules."""
    return [IngressRule.parse(Fields(rule)) for rule in rules]


A = serves("home.example.com", "http://homeassistant:8123")
B = serves("nas.example.com", "http://nas:5000")


@pytest.mark.parametrize(
    ("rules", "proposed"),
    [
        ([B, A], ("home-mobile.example.com", "http://homeassistant:8123")),
        ([B], ("nas-mobile.example.com", "http://nas:5000")),
        ([serves("home.example.com", "https://a:8123")], ("home-mobile.example.com", "https://a:8123")),
        ([serves("example.com", "http://a:1")], ("mobile.example.com", "http://a:1")),
        ([serves("a.b.example.com", "http://a:1")], ("a-mobile.b.example.com", "http://a:1")),
        ([serves("*.example.com", "http://a:8123"), B], ("nas-mobile.example.com", "http://nas:5000")),
        ([serves("x.example.com", "http://a:8123", path="/x"), B], ("nas-mobile.example.com", "http://nas:5000")),
        ([serves("x.other.test", "http://a:8123")], None),
        ([serves("x.example.com", "ssh://a:22")], None),
        ([serves(None, "http_status:404")], None),
        ([], None),
    ],
)  # fmt: skip
def test_proposal(
    rules: list[dict[str, str]], proposed: tuple[str, str] | None
) -> None:
    """Proposal."""
    assert propose(zone(), ingress(*rules), origins=[":8123"], taken=[]) == proposed


def test_proposal_is_a_hostname() -> None:
    """Proposal is a hostname."""
    rules = ingress(serves(f"{'a' * 63}.example.com", "http://a:8123"))
    proposed = propose(zone(), rules, origins=[":8123"], taken=[])
    assert proposed is None or read_hostname(proposed[0]) == proposed[0]


def test_proposal_leads_where_one_of_the_origins_is() -> None:
    """Proposal leads where one of the origins is, of which a Home Assistant has several."""
    proposed = propose(
        zone(), ingress(B, A), origins=[":8123", "192.168.1.10"], taken=[]
    )
    assert proposed == ("home-mobile.example.com", "http://homeassistant:8123")


def test_proposal_is_not_built_upon_what_is_taken() -> None:
    """Proposal is not built upon what is taken: it is protected already."""
    mobile = serves("home-mobile.example.com", "http://homeassistant:8123")
    taken = ["home-mobile.example.com"]
    assert propose(zone(), ingress(mobile), origins=[":8123"], taken=taken) is None


def test_what_is_taken_is_not_proposed_again() -> None:
    """What is taken is neither proposed nor built upon."""
    rules = ingress(
        serves("home.example.com", "http://a:8123"),
        serves("home-mobile.example.com", "http://a:8123"),
    )
    taken = ["home-mobile.example.com"]
    assert propose(zone(), rules, origins=[":8123"], taken=taken) is None
