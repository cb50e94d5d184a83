"""Which requests cloudflared takes for an ingress rule, and what is read of a tunnel's list."""

from itertools import product
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.cloudflare_mtls.engine.api.errors import Unavailable
from custom_components.cloudflare_mtls.engine.api.ingress import (
    IngressRule,
    TunnelConfiguration,
)
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from sandbox.imitation import rules
from tests.engine.builders import CATCH_ALL, HOST, OTHER, SERVICE, configuration, serves
from tests.engine.searching import search
from tests.engine.work import lines_of


@pytest.mark.parametrize("hostname", [None, "", "*"])
def test_catch_all_has_no_hostname(hostname: str | None) -> None:
    """The hostname `*` counts as no hostname."""
    rule = IngressRule.parse(Fields({"hostname": hostname, "service": "http://a:1"}))
    assert rule.hostname is None
    assert rule.takes("whatever.example.com")
    assert rule.may_take("whatever.example.com")


def test_ingress_rule() -> None:
    """Hostname, path and service are read, and the JSON is kept unchanged."""
    data = {"hostname": "A.Example.com", "path": "", "service": "http://a:1", "x": 1}
    rule = IngressRule.parse(Fields(data))
    assert (rule.hostname, rule.path, rule.raw) == ("A.Example.com", None, data)
    with pytest.raises(Unavailable):
        IngressRule.parse(Fields({"hostname": "a"}))


@pytest.mark.parametrize("result", [{"config": None}, {"config": {"ingress": None}}])
def test_never_configured_tunnel_serves_nothing(result: dict[str, Any]) -> None:
    """Null in place of the configuration counts as an empty one."""
    assert TunnelConfiguration.parse("t", Fields(result)).ingress == ()


def test_rule_for_a_hostname_serves_all_of_it() -> None:
    """A rule with a path or a wildcard does not count as the hostname's rule."""
    config = TunnelConfiguration.from_raw(
        "t",
        Fields(
            {
                "ingress": [
                    {"hostname": "a.example.com", "path": "/x", "service": "http://x:1"},
                    {"hostname": "*.example.com", "service": "http://w:1"},
                    {"hostname": "a.example.com", "service": "http://a:1"},
                    {"hostname": "a.example.com", "service": "http://b:1"},
                ]
            }
        ),
    )  # fmt: skip
    assert (rule := config.rule_for("a.example.com")) is not None
    assert rule.service == "http://a:1"
    assert config.rule_for("b.example.com") is None


def test_answer_without_a_configuration_is_malformed() -> None:
    """A tunnel that was never configured has null there."""
    with pytest.raises(Unavailable, match="^malformed answer: config$"):
        TunnelConfiguration.parse("t", Fields({}))


@pytest.mark.parametrize("version", [None, 0, -1])
def test_tunnel_that_was_never_configured(version: int | None) -> None:
    never = Fields({"config": None, "version": version})
    assert TunnelConfiguration.parse("t", never).ingress == ()


def test_configuration_that_got_lost() -> None:
    """A tunnel that was configured has one."""
    with pytest.raises(Unavailable):
        TunnelConfiguration.parse("t", Fields({"config": None, "version": 1}))


PUNYCODE = "xn--mnchen-3ya.example.com"


@pytest.mark.parametrize(
    ("name", "host", "takes"),
    [
        ("a.example.com", "a.example.com", True),
        ("a.example.com", "b.example.com", False),
        # The port is cut, whatever stands there; a second colon keeps it from being cut.
        ("a.example.com", "a.example.com:8443", True),
        ("a.example.com", "a.example.com:", True),
        ("a.example.com", "a.example.com:cloud", True),
        ("a.example.com", "a.example.com:a:b", False),
        # A dot at the end and capitals are compared as they are written.
        ("a.example.com", "a.example.com.", False),
        ("a.example.com", "A.example.com", False),
        ("a.example.com.", "a.example.com.", True),
        # Capitals become small where all of it can be a name.
        ("A.example.com", "a.example.com", True),
        ("A-B.XN--MNCHEN-3YA.example.com", f"a-b.{PUNYCODE}", True),
        ("AB--C.example.com", "AB--C.example.com", True),
        ("AB--C.example.com", "ab--c.example.com", False),
        ("www.AB--C.example.com", "www.ab--c.example.com", False),
        ("A_B.example.com", "A_B.example.com", True),
        ("A_B.example.com", "a_b.example.com", False),
        ("-A.example.com", "-a.example.com", False),
        ("www.-A.example.com", "www.-a.example.com", False),
        ("A-.example.com", "a-.example.com", False),
        ("A.example.com-", "a.example.com-", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com:8443", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.notexample.com", False),
        ("*.example.com", "a.example.com.", False),
        ("*.EXAMPLE.com", "a.example.com", False),
        ("*.EXAMPLE.com", "a.EXAMPLE.com", True),
        ("*.nas.example", "a.example.com:x:b.nas.example", True),
        ("m\u00fcnchen.example.com", PUNYCODE, True),
        ("M\u00dcNCHEN.example.com", PUNYCODE, True),
        ("mu\u0308nchen.example.com", PUNYCODE, True),
        ("m\u00fcnchen\u3002example.com", PUNYCODE, True),
        ("m\u00fcnchen.example.com", "xn--mnchen-3ya.EXAMPLE.com", False),
        (PUNYCODE, PUNYCODE, True),
        # cloudflared gives no name with a star another form.
        ("*.m\u00fcnchen.example", "a.xn--mnchen-3ya.example", False),
    ],
)
def test_rule_takes_what_cloudflared_takes(name: str, host: str, takes: bool) -> None:
    """As measured with cloudflared 2026.8.2, or read in its source."""
    assert _rule(name).takes(host) is takes
    assert _takes_in_the_sandbox(name, host) is takes


@pytest.mark.parametrize(
    ("name", "may_take"),
    [
        (HOST, True),
        (HOST.upper(), True),
        (f"{HOST}.", True),
        ("*.example.com", True),
        ("*.EXAMPLE.com", True),
        ("*.nas.example", True),
        ("nas.example.com", False),
        (f"nas.{HOST}", False),
        (f"{HOST}..", False),
    ],
)
def test_visitor_chooses_how_a_hostname_is_written(name: str, may_take: bool) -> None:
    assert _rule(name).may_take(HOST) is may_take


_NAMES = [HOST, HOST.upper(), HOST.title(), f"{HOST}.", "*.example.com", "*.EXAMPLE.COM",
          "*.nas.example", "nas.example.com", "*.Example.com", "h\u00f6he.example.com"]  # fmt: skip
_HOSTS = [
    f"{host}{dot}{behind}"
    for host, dot, behind in product(
        (HOST, HOST.upper(), HOST.title(), HOST.replace("e", "E")),
        ("", "."),
        ("", ":443", ":x", ":x:y", ":x:.nas.example", ":.example.com"),
    )
]


@given(st.sampled_from(_NAMES), st.sampled_from(_HOSTS))
@search()
def test_whatever_the_visitor_writes_was_thought_of(name: str, host: str) -> None:
    """The sandbox, which shares no code with the engine, takes no request that may not be taken."""
    taken = _takes_in_the_sandbox(name, host)
    assert _rule(name).takes(host) is taken
    assert _rule(name).may_take(HOST) or not taken


@pytest.mark.parametrize(
    ("rules", "may_serve"),
    [
        ([], False),
        ([CATCH_ALL], False),
        ([serves("nas.example.com"), CATCH_ALL], False),
        ([serves(HOST, "http_status:403"), CATCH_ALL], False),
        ([serves(HOST), CATCH_ALL], True),
        ([serves(HOST, path="^/x"), CATCH_ALL], True),
        ([serves(HOST, "http_status:403"), serves(None)], True),
        ([serves("*.example.com", "http_status:403"), serves("*.net"), CATCH_ALL], True),
        # cloudflared refuses such a list, and keeps one that nobody here knows.
        ([serves("nas.example.com")], True),
        ([serves(None, "http_status:403", path="^/x")], True),
    ],
)  # fmt: skip
def test_tunnel_that_may_serve_a_hostname(rules: list[Any], may_serve: bool) -> None:
    assert configuration(*rules).may_serve(HOST) is may_serve


@pytest.mark.parametrize(
    "name", ["m\u00fcnchen.example.com", PUNYCODE, PUNYCODE.upper()]
)
def test_rule_for_a_hostname_may_be_written_in_other_letters(name: str) -> None:
    config = configuration(serves(name), serves("*.example.com"), CATCH_ALL)
    assert config.rule_for(PUNYCODE) == config.ingress[0]
    assert config.rule_for("munchen.example.com") is None


def test_rule_in_the_very_letters_of_a_hostname_comes_first() -> None:
    config = configuration(serves(HOST.upper(), "http://a:1"), serves(), CATCH_ALL)
    assert config.rule_for(HOST) == config.ingress[1]


IDEOGRAPHS = "".join(chr(0x4E00 + number) for number in range(4000))


@pytest.mark.parametrize(
    "name",
    [
        f"{IDEOGRAPHS}.example.com",
        f"{IDEOGRAPHS[:64]}.example.com",
        ".".join(IDEOGRAPHS),
        f"{'m\u00fc' * 32}.example.com",
        # One letter becomes eighteen of others.
        "\ufdfa" * 240 + ".example.com",
    ],
    ids=["name", "label", "labels", "letters", "expanding"],
)
def test_name_that_dns_cannot_have(name: str) -> None:
    """It matches nothing but itself, and costs what its length allows."""
    rule = _rule(name)

    def look() -> None:
        assert not rule.is_for(HOST)
        assert not rule.takes(HOST)
        assert not rule.may_take(HOST)

    assert lines_of(look) < 20 * len(name)
    assert rule.takes(name)


def test_name_is_read_once_for_all_hostnames() -> None:
    """An account may have many rules and many hostnames."""
    rule = _rule(f"{IDEOGRAPHS[:12]}.{IDEOGRAPHS[12:24]}.example.com")

    def look() -> None:
        rule.may_take(HOST)

    first = lines_of(look)
    assert lines_of(look) < first / 10


def _rule(name: str) -> IngressRule:
    return IngressRule.parse(Fields(serves(name)))


def _takes_in_the_sandbox(name: str, host: str) -> bool:
    return rules.takes(name, host)


@pytest.mark.parametrize(
    ("rules", "service"),
    [
        ([], None),
        ([serves(OTHER)], None),
        ([serves()], SERVICE),
        ([serves("*.example.com", "http://w:1"), serves()], "http://w:1"),
        ([serves(path="/x"), serves(service="http://all:1")], "http://all:1"),
        ([serves(path="/x"), serves(path="/y", service="http://y:1")], SERVICE),
        ([serves(service="http_status:403"), serves("*.example.com")], SERVICE),
        ([serves(service="http_status:403")], None),
    ],
)
def test_service_of_a_hostname(rules: list[Any], service: str | None) -> None:
    """The first rule that takes all of its paths and asks an origin, or else the first for some."""
    assert configuration(*rules, CATCH_ALL).service_of(HOST) == service
