"""What is wrong between the tunnel and the origin."""

from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.checks.finding import Finding
from custom_components.cloudflare_mtls.engine.checks.origin import (
    Origin,
    Server,
    check_server,
    check_tunnel,
)
from custom_components.cloudflare_mtls.engine.checks.specs import Check
from tests.engine.builders import (
    CATCH_ALL,
    HOST,
    OTHER,
    SERVICE,
    TUNNEL_ID,
    configuration,
    protected,
    serves,
)

HERE = Server(port=8123, tls=False, hosts=frozenset({"192.168.1.10"}))


def in_tunnel(*ingress: Any, **more: Any) -> list[Finding]:
    """Return what the checks find in a tunnel that serves the hostname."""
    return check_tunnel(configuration(*ingress, **more), "home", [protected()])


def at_server(service: str, server: Server = HERE) -> list[Finding]:
    """Return what the checks find for a service."""
    return check_server(server, [protected(service=service)])


def test_tunnel_that_is_fine() -> None:
    """A rule over plain HTTP and a catch-all rule are right."""
    assert in_tunnel(serves(), CATCH_ALL) == []


@pytest.mark.parametrize("last", [serves(OTHER), serves(None, path="^/api")])
def test_last_rule(last: Any) -> None:
    """A last rule that does not match every other request is found."""
    (finding,) = in_tunnel(serves(), last)
    assert finding.check is Check.NO_CATCH_ALL
    assert (finding.target, finding.place) == ("home", TUNNEL_ID)


def test_tunnel_without_rules() -> None:
    """Nobody has configured the tunnel yet."""
    assert in_tunnel() == []


@pytest.mark.parametrize(
    ("service", "refused"),
    [
        ("https://homeassistant.local:8123", True),
        ("https://192.168.1.10:8123", True),
        ("https://[fd00::1]:8123", True),
        ("https://localhost:8123", True),
        ("https://homeassistant", True),
        ("https://ha.home.arpa", True),
        ("https://ha.example.org:8123", False),
        ("https://8.8.8.8", False),
        ("http://192.168.1.10:8123", False),
        ("tcp://192.168.1.10:8123", False),
        ("unix:/run/ha.sock", False),
    ],
)
def test_certificate_of_the_origin(service: str, refused: bool) -> None:
    """No public authority signs a certificate for a private name or address."""
    findings = in_tunnel(serves(service=service), CATCH_ALL)
    assert [item.check for item in findings] == (
        [Check.ORIGIN_CERTIFICATE] if refused else []
    )
    for finding in findings:
        assert finding.target == HOST
        assert finding.place == TUNNEL_ID
        assert finding.value == service
        assert finding.detail == "home"


@pytest.mark.parametrize(
    "origin_request",
    [
        {"noTLSVerify": True},
        {"originServerName": "ha.example.org"},
        {"caPool": "/etc/ca.pem"},
        {"matchSNItoHost": True},
    ],
)
def test_certificate_that_a_setting_accepts(origin_request: dict[str, Any]) -> None:
    """Settings of the rule or of the whole tunnel say which certificate is accepted."""
    service = "https://192.168.1.10:8123"
    rule = serves(service=service, originRequest=origin_request)
    assert in_tunnel(rule, CATCH_ALL) == []
    assert (
        in_tunnel(serves(service=service), CATCH_ALL, originRequest=origin_request)
        == []
    )
    undone = serves(service=service, originRequest={"noTLSVerify": False})
    assert in_tunnel(undone, CATCH_ALL, originRequest={"noTLSVerify": True})


@pytest.mark.parametrize(
    ("service", "check", "right"),
    [
        (SERVICE, None, None),
        ("http://192.168.1.10:8123", None, None),
        ("http://HomeAssistant.:8123", None, None),
        ("http://nas:5000", None, None),
        ("https://nas.lan", None, None),
        ("http://localhost", Check.ORIGIN_PORT, "http://localhost:8123"),
        ("https://192.168.1.10", Check.ORIGIN_PORT, "http://192.168.1.10:8123"),
        ("http://[::1]:80", Check.ORIGIN_PORT, "http://[::1]:8123"),
        ("https://localhost:8123", Check.ORIGIN_SCHEME, "http://localhost:8123"),
        ("http://localhost:port", None, None),
        ("unix:/run/ha.sock", None, None),
        ("http_status:404", None, None),
        ("ws://localhost:8123", None, None),
        ("tcp://localhost:8124", None, None),
    ],
)
def test_port_and_scheme(service: str, check: Check | None, right: str | None) -> None:
    """A service on the machine of Home Assistant is compared with its web server."""
    findings = at_server(service)
    assert [(item.check, item.detail) for item in findings] == (
        [(check, right)] if check else []
    )


@pytest.mark.parametrize(
    ("service", "found"),
    [
        ("http://172.30.32.1:8123", True),
        ("http://homeassistant:8123", True),
        ("http://192.168.1.10:8123", True),
        ("http://hass:8123", True),
        ("http://Hass.:8123", True),
        ("http://127.0.0.53:8123", True),
        ("http://[FD00:0::10]:8123", True),
        ("http://homeassistant.lan:8123", False),
        ("http://192.168.1.77:8123", False),
        ("http://[fd00::77]:8123", False),
    ],
)
def test_every_name_of_the_machine(service: str, found: bool) -> None:
    """After Home Assistant moved to another port, whatever leads to its machine leads nowhere."""
    hosts = frozenset({"172.30.32.1", "192.168.1.10", "fd00::10", "hass"})
    server = Server(port=80, tls=False, hosts=hosts)
    findings = at_server(service, server)
    assert [item.check for item in findings] == ([Check.ORIGIN_PORT] if found else [])


@pytest.mark.parametrize(
    ("service", "found"),
    [
        ("http://homeassistant.local:8123", True),
        ("http://HomeAssistant.Local.:8123", True),
        ("https://nas.local", True),
        ("http://a.b.local:80", True),
        ("http://homeassistant.local.hass.io:8123", False),
        ("http://local:8123", False),
        ("http://ha.localdomain:8123", False),
        (SERVICE, False),
        ("unix:/run/ha.local", False),
        ("tcp://ha.local:8123", False),
    ],
)
def test_name_of_multicast_dns(service: str, found: bool) -> None:
    """Few connectors can look it up: it makes no difference who typed it."""
    findings = at_server(service)
    assert [
        (item.check, item.target, item.value)
        for item in findings
        if item.check is Check.ORIGIN_LOCAL_NAME
    ] == ([(Check.ORIGIN_LOCAL_NAME, HOST, service)] if found else [])


def test_server_with_tls() -> None:
    """Home Assistant with a certificate of its own is reached over HTTPS."""
    server = Server(port=443, tls=True)
    assert at_server("https://localhost", server) == []
    (finding,) = at_server("http://localhost:443", server)
    assert finding.check is Check.ORIGIN_SCHEME
    assert finding.value == "http://localhost:443"
    assert finding.detail == "https://localhost:443"


def test_proxies() -> None:
    """A server that trusts no proxy is found once, for all hostnames that lead there."""
    server = Server(port=8123, tls=False, trusts_a_proxy=False)
    services = {
        HOST: SERVICE,
        OTHER: "http://10.0.0.5:8123",
        "nas.example.com": "http://nas.lan:5000",
    }
    hostnames = [protected(name, service=each) for name, each in services.items()]
    (finding,) = check_server(server, hostnames)
    assert finding.check is Check.PROXY_NOT_TRUSTED
    assert finding.target == f"{OTHER}, {HOST}"
    assert check_server(server, hostnames[2:]) == []
    assert check_server(server, []) == []


def test_origins_are_read() -> None:
    """A scheme without a port means its usual port."""
    assert Origin.read("https://Ha.Local") == Origin(
        scheme="https", host="ha.local", port=443
    )
    assert Origin.read("http://") is None
