"""Tests of the settings that a person may choose for a hostname, and of the proposal."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.ingress import IngressRule
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.sync.settings import (
    HostnameSettings,
    in_zone,
    is_exempt_path,
    is_service,
    is_web_service,
    propose,
    read_hostname,
)
from tests.engine.builders import ZONE_ID, protected, serves, zone


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
        ("büro.example.com", "xn--bro-hoa.example.com"),
        ("BU\u0308RO。example．com", "xn--bro-hoa.example.com"),
        ("xn--zzzzzz.example.com", None),
        ("xn--abc-.example.com", None),
        ("ab--c.example.com", "ab--c.example.com"),
        (f"{'ü' * 63}.example.com", None),
        (f"{'ü' * 300}.example.com", None),
        ("a\u00a0b.example.com", None),
        ("a\u202eb.example.com", None),
    ],
)
def test_hostnames(text: str, hostname: str | None) -> None:
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
    assert in_zone(hostname, zone()) is inside


@pytest.mark.parametrize(
    "service",
    [
        "http://homeassistant:8123", "https://192.168.1.10", "http://[fd00::1]:8123", "http://a_b.local",
        "http://HomeAssistant:8123", "http://[FD00::1]", "http://a.local.", "http://a:65535", "http://a:1", "http://[::]",
    ],
)  # fmt: skip
def test_services(service: str) -> None:
    assert is_service(service)


@pytest.mark.parametrize(
    "service",
    [
        "", "homeassistant:8123", "http://", "http://a/", "http://a/path", "http://a?b",
        "http://user:password@a", "http://a:123456", "http://a:", "http://a b",
        "http://a\n", "http_status:200", "hello_world", "ssh://a:22", "unix:/run/a",
        "ftp://a", "http://[fd00::1", "http://a#b", "http://[1]:8123", "http://[:::]", "http://:8123",
        "http://homeassistant:8123/", "http://homeassistant:99999", "http://a:65536", "http://a:0",
        "http://[fe80::1%25eth0]:8123", "http://[::1]]", "http://a..b", "http://.", "http://a:\u0661",
    ],
)  # fmt: skip
def test_malformed_services(service: str) -> None:
    assert not is_service(service)


@pytest.mark.parametrize(
    "path",
    [
        "/api/webhook/", "/local/", "/a/", "/a-b_c~d.e/", "/.well-known/x/", "/A/Z/",
        "/api/google_assistant", "/auth/authorize", "/auth/token", "/api/alexa/smart_home",
        "/api/webhook/5f3c0b5e", "/a", "/.well-known/assetlinks.json", "/a/b.c.d",
    ],
)  # fmt: skip
def test_exempt_paths(path: str) -> None:
    assert is_exempt_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "//", "///", "/./", "/.//", "a/", "a", "/a/../", "/../", "/a b/",
        "/%2e%2e/", "/a?b/", "/a*/", '/a"/', "/a\\/", "/a\n/", "/ä/", "//evil.test/",
        "/.", "/..", "/a/.", "/a/..", "/a/../b", "/a%2f..", "/a?b", "/a#b", "/a*", "/a\n", "/a/...", "/a../b/",
        "/a//b", "//a",
    ],
)  # fmt: skip
def test_malformed_exempt_paths(path: str) -> None:
    assert not is_exempt_path(path)


def anywhere(_: str) -> bool:
    """Return that visitors reach any hostname."""
    return True


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
        ([serves("Home.Example.com", "http://a:1")], ("home-mobile.example.com", "http://a:1")),
        ([serves("h\u00f6he.example.com", "http://a:1")], ("xn--hhe-mobile-ecb.example.com", "http://a:1")),
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
    assert (
        propose(
            zone(), ingress(*rules), origins=[":8123"], taken=[], is_reached=anywhere
        )
        == proposed
    )


def test_proposal_is_a_hostname() -> None:
    rules = ingress(serves(f"{'a' * 63}.example.com", "http://a:8123"))
    proposed = propose(zone(), rules, origins=[":8123"], taken=[], is_reached=anywhere)
    assert proposed is None or read_hostname(proposed[0]) == proposed[0]


def test_proposal_uses_an_ingress_rule_to_any_origin() -> None:
    """A Home Assistant has several origins."""
    proposed = propose(
        zone(),
        ingress(B, A),
        origins=[":8123", "192.168.1.10"],
        taken=[],
        is_reached=anywhere,
    )
    assert proposed == ("home-mobile.example.com", "http://homeassistant:8123")


def test_proposal_does_not_take_another_port_for_its_own() -> None:
    """The port of a web server may begin like many others."""
    media = serves("media.example.com", "http://media:8096")
    own = serves("casa.example.com", "http://192.168.1.10:80")
    rules = ingress(media, B, own)
    proposed = propose(zone(), rules, origins=[":80"], taken=[], is_reached=anywhere)
    assert proposed == ("casa-mobile.example.com", "http://192.168.1.10:80")


def test_proposal_ignores_protected_hostnames() -> None:
    """A protected hostname is no base for another proposal."""
    mobile = serves("home-mobile.example.com", "http://homeassistant:8123")
    taken = ["home-mobile.example.com"]
    assert (
        propose(
            zone(), ingress(mobile), origins=[":8123"], taken=taken, is_reached=anywhere
        )
        is None
    )


def test_protected_hostname_is_not_proposed_again() -> None:
    rules = ingress(
        serves("home.example.com", "http://a:8123"),
        serves("home-mobile.example.com", "http://a:8123"),
    )
    taken = ["home-mobile.example.com"]
    assert (
        propose(zone(), rules, origins=[":8123"], taken=taken, is_reached=anywhere)
        is None
    )


USUAL = serves("ha.example.com", "http://hub:1")
CASA = serves("casa.example.com", "http://a:8123")
NEXT = serves("cabin.example.com", "http://b:8123")


@pytest.mark.parametrize(
    ("rules", "own_hosts", "proposed"),
    [
        ([B, USUAL], (), "ha-mobile.example.com"),
        ([USUAL, CASA], (), "casa-mobile.example.com"),
        ([USUAL, CASA, B], ("nas.example.com",), "nas-mobile.example.com"),
        ([CASA, NEXT], (), "casa-mobile.example.com"),
    ],
    ids=["usual name", "origin", "own host", "first"],
)
def test_proposal_is_named_after_what_is_most_likely_home_assistant(
    rules: list[dict[str, str]], own_hosts: tuple[str, ...], proposed: str
) -> None:
    """Its own hosts are certain, an origin is likely, a name is a guess."""
    found = propose(
        zone(),
        ingress(*rules),
        origins=[":8123", "homeassistant"],
        taken=[],
        is_reached=anywhere,
        own_hosts=own_hosts,
    )
    assert found
    assert found[0] == proposed


@pytest.mark.parametrize(
    ("name", "reached", "proposed"),
    [
        ("a.b.example.com", {"a-mobile.example.com"}, "a-mobile.example.com"),
        ("a.b.example.com", {"mobile.example.com"}, "mobile.example.com"),
        ("a.b.example.com", set(), "a-mobile.b.example.com"),
        (f"{'a' * 63}.example.com", set(), "mobile.example.com"),
        ("example.com", set(), "mobile.example.com"),
    ],
)
def test_proposal_is_a_hostname_that_visitors_reach(
    name: str, reached: set[str], proposed: str
) -> None:
    """Where none is, it is the one that is most alike."""
    found = propose(
        zone(),
        ingress(serves(name, "http://a:8123")),
        origins=[":8123"],
        taken=[],
        is_reached=reached.__contains__,
    )
    assert found == (proposed, "http://a:8123")


@pytest.mark.parametrize(
    ("service", "is_web"),
    [
        ("http://nas:5000", True),
        ("https://nas", True),
        ("HTTP://nas:5000", True),
        ("ws://nas:5000", True),
        ("wss://nas", True),
        ("unix:/run/nas.sock", True),
        ("unix+tls:/run/nas.sock", True),
        ("ssh://nas:22", False),
        ("http_status:404", False),
        ("hello_world", False),
    ],
)
def test_services_of_the_web(service: str, is_web: bool) -> None:
    assert is_web_service(service) is is_web


def test_devices_that_a_hostname_is_for() -> None:
    """All, until it is limited to some; those that were left out before may be among them."""
    settings = HostnameSettings(
        protected=protected(), zone_id=ZONE_ID, keep_in_sync=True
    )
    assert settings.is_for("phone")
    limited = settings.limited_to(["phone"])
    assert limited.protected == replace(
        settings.protected, devices=frozenset({"phone"})
    )
    assert limited.is_for("phone")
    assert not limited.is_for("tablet")
    assert limited.limited_to({"tablet"}).is_for("tablet")
