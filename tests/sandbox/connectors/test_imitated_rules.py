"""The imitation of cloudflared and the real one: they take the same configurations, and choose the same rules."""

from collections.abc import Iterator, Mapping
import json
from typing import Any

from hypothesis import given
import pytest

from custom_components.cloudflare_mtls.engine.api.ingress import IngressRule
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.sync.plan import make_plan
from sandbox.imitation.request_head import decoded_path
from sandbox.imitation.rules import service_for, takes
from sandbox.state import Tunnel
from tests.engine.builders import TUNNEL_ID, states
from tests.engine.searching import search
from tests.engine.worlds import HOSTNAMES, World, worlds
from tests.sandbox.helpers import HOME

from .both import CATCH_ALL, CONFIGURATION, Connected

BRACKETS = "[::1]:443"
NAMES = [
    HOME,
    "HOME.example.com",
    "Home.Example.com",
    "home.example.com.",
    "*.example.com",
    "*.EXAMPLE.com",
    "*example.com",
    "*.example.com.",
    "*.",
    "",
    "*",
    "::1",
    "[::1]",
    "a_b.example.com",
    "A_B.example.com",
    "AB--C.example.com",
    "ab--c.example.com",
    "-a.example.com",
    "a..example.com",
    "münchen.example.com",
    "MÜNCHEN.example.com",
    "mu\u0308nchen.example.com",
    "münchen。example.com",
    "xn--mnchen-3ya.example.com",
    "XN--MNCHEN-3YA.example.com",
    "*.münchen.example.com",
    "ｈｏｍｅ.example.com",
    "straße.example.com",
    "faß.example.com.",
    "Ω.example.com",
    "☃.example.com",
    "a\u200db.example.com",
    "ab.example.com\u3002",
    "xn--a.example.com",
    "xn--zz.example.com",
    "1.2.3.4",
    "אב.example.com",
    "aא.example.com",
    "ı.example.com",
    "\u0130.example.com",
    f"{'a' * 64}.example.com",
    f"{'A' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 63}",
    "home.example.com ",
    "a b.example.com",
    "a%b.example.com",
]
HOSTS = [
    HOME,
    "HOME.example.com",
    "Home.Example.Com",
    "home.example.com.",
    "home.example.com:443",
    "home.example.com.:443",
    "home.example.com:",
    "home.example.com:x",
    "home.example.com:1:2",
    "home.example.com:x:.example.com",
    "a.home.example.com",
    "example.com",
    "myexample.com",
    "a.EXAMPLE.com",
    "A_B.example.com",
    "a_b.example.com",
    "AB--C.example.com",
    "ab--c.example.com",
    "-a.example.com",
    "a..example.com",
    "xn--mnchen-3ya.example.com",
    "XN--MNCHEN-3YA.example.com",
    "a.xn--mnchen-3ya.example.com",
    "xn--strae-oqa.example.com",
    "strasse.example.com",
    "xn--fa-hia.example.com.",
    "fass.example.com.",
    "xn--fa-hia.example.com",
    "xn--5xa.example.com",
    "xn--exa.example.com",
    "xn--n3h.example.com",
    "ab.example.com",
    "ab.example.com.",
    "xn--a.example.com",
    "1.2.3.4",
    "xn--4dbc.example.com",
    "xn--cfa.example.com",
    "i.example.com",
    "xn--i-tcb.example.com",
    "[::1]",
    BRACKETS,
    "::1",
    f"{'a' * 64}.example.com",
    f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 63}",
]


@pytest.mark.parametrize("name", NAMES)
async def test_hostnames_of_rules(both: Connected, name: str) -> None:
    """As the sandbox and the integration have it, each in its own way."""
    rule: dict[str, Any] = {"hostname": name, "service": "http_status:418"}
    config = {"ingress": [rule, CATCH_ALL] if name.strip("*") else [rule]}
    assert await both.refusal(config) is None
    both.tunnel.config = config
    taken = {host for host in HOSTS if await both.status(host) == 418}
    assert taken == {host for host in HOSTS if takes(name, host)}
    known = IngressRule.parse(Fields(rule))
    # No hostname that the integration asks about is an address in brackets.
    assert taken - {BRACKETS} == {host for host in HOSTS if known.takes(host)} - {
        BRACKETS
    }


PATTERNS = [
    "", "^/api/", "^/a b", "^/a%20b", "/x$", "x$", "^/$", "(?i)^/API", "/(?i:B)c", r"^/\pL$", r"^/\PL$",
    r"^/\p{Lu}", r"^/\p{^Lu}$", r"/(?<name>x)", "(?P<n>/x)", "(?U)/a+$", r"^/\Qa.b\E$", r"^/\w+$", r"^/\W$", r"\d{2,3}",
    r"[^/]{3}", "a(?i)b", "(?s)/.$", "/.$", "(?m)^b", r"\Aa|/x\z", "[[:upper:]]", "[[:^alpha:]]/", "x{,2}",
    "a{0}b", r"\x62", r"\x{e9}", r"\057x", "(|x)/b", "^*/x", r"\bb\b", r"/\B", "[]x]", "[a-]", "[^-a]$",
    r"[\d\s]", r"[\D]", "a|b|", "(?-i)x", "(?i-s:X.)", "//", r"\.\.", "é", r"(?i)É", r"(?i)[É]", "^/[^x]",
]  # fmt: skip
PATHS = [
    "/", "/api/x", "/api%2Fx", "//api/x", "/x/../api/y", "/a%20b", "/a+b", "/x", "/X", "/API/x", "/bc", "/Bc",
    "/a.b", "/axb", "/%C3%A9", "/%c3%89", "/%ff", "/aaa", "/12", "/aB", "/b", "/%0Ab", "/%0A", "/a%0A", "/-",
    "/x?y=/api/", "/x%3Fy", "/%5C", "/..%2f..", "/a;x", "/x{2}", "/xx{,2}", "/]", "/\\x",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_paths_of_rules(both: Connected, pattern: str) -> None:
    """Searched for in the decoded path, in the dialect of RE2."""
    rule = {"hostname": HOME, "path": pattern, "service": "http_status:418"}
    config = {"ingress": [rule, CATCH_ALL]}
    assert await both.refusal(config) is None
    both.tunnel.config = config
    answers = {path: await both.status(path=path) for path in PATHS}
    assert answers == {path: service_status(config, HOME, path) for path in PATHS}


def service_status(config: dict[str, Any], host: str, path: str) -> int:
    """Return the status of the rule that the imitation chooses."""
    tunnel = Tunnel("id", "name", "account", config=config)
    service = service_for(tunnel, host, decoded_path(path))
    return int(service.name.removeprefix("http_status:"))


def ingress(*rules: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a configuration."""
    return {"ingress": list(rules), **more}


def with_settings(**settings: Any) -> dict[str, Any]:
    """Return a configuration with settings for an origin."""
    rule = {"hostname": HOME, "service": "http://a:1", "originRequest": settings}
    return ingress(rule, CATCH_ALL)


REFUSED_SERVICES = [
    "", "homeassistant:8123", "homeassistant", "127.0.0.1:8123", "//a:1", "http://", "http://:8123", "http:a",
    "http://a/", "http://a:1/x", "http://a:1/?x", "http://a:abc", "http://a:1:2", "http://::1:8123", "https://::1",
    "http://[::1", "http://[1]:8123", "http://[:::]", "http://[1.2.3.4]:1", "http://[::1]x", "http://a[::1]",
    "http://a b", "http://a^b", "http://a%zz", "http://a%41", "http://a/%zz", "http:// a", " http://a", "http://a\tb",
    "http://u v@a", "1http://a", "http//a", ":a", "http_status:", "http_status:abc", "http_status:99",
    "http_status:1000", "http_status: 404", "http_status:4_0_4", "http_status:-404", "http_status:٤٠٤",
    "hello world", "HELLO_WORLD", "socks", "bastion:1", "tcp://", "tcp://:22", "unix", "mailto:a@b",
]  # fmt: skip
TAKEN_SERVICES = [
    "http://a", "http://a:", "http://a:8123", "http://a:99999", "http://a:0", "https://a", "HTTP://A:1", "ws://a",
    "wss://a:1", "ftp://a", "tcp://a:1", "ssh://a", "rdp://a", "smb://a", "x+y-z.1://a", "tcp://a:b:1", "tcp://::1:8123",
    "http://[::1]:8123", "http://[fe80::1%25en0]:1", "http://[::ffff:1.2.3.4]", "http://u:p@a", "http://a?x", "http://a#x",
    "http://a_b", "http://ä", "http://a%C3%A4", "http://a<b", "http://*", "unix:", "unix:/x", "unix+tls:/x", "hello_world",
    "hello-world", "bastion", "socks-proxy", "http_status:100", "http_status:999", "http_status:+404", "http_status:0404",
]  # fmt: skip
REFUSED_PATTERNS = [
    "(", ")", "[", "[a", "[]", "*", "+a", "?", "(*a)", "a**", "a*+", "a++", "a{2}{3}", "a{1001}", "a{3,2}", "(a{100}){100}",
    "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", "(?#a)", "(?(1)a)", "(?P=n)", "(?P>n)", "(?<n-x>a)", "(?<n", "(?P<", "(?",
    "(?i", "(?z)", "(?-)", "(?i-)", r"\Z", r"\1", r"(a)\1", r"\8", r"\g", r"\k<n>", r"\xg", r"\x{110000}", r"\x{}", "\\",
    r"\p", r"\pQ", r"\p{Nope}", r"\p{Lu", "[[:nope:]]", "[z-a]", r"[a-\d]", r"[\z]", r"\C", r"\X", r"\h", "a|*", r"[\b]",
]  # fmt: skip
CONFIGURATIONS: list[tuple[dict[str, Any], bool]] = [
    *((ingress({"service": service}), False) for service in REFUSED_SERVICES),
    *((ingress({"service": service}), True) for service in TAKEN_SERVICES),
    *(
        (ingress({"path": path, "service": "http://a"}, CATCH_ALL), False)
        for path in REFUSED_PATTERNS
    ),
    *(
        (ingress({"hostname": name, "service": "http://a"}, CATCH_ALL), False)
        for name in ("a:1", "a:", ":", ":1", "[::1]:1", "a.*.b", "a*", "**", "", "*")
    ),
    (ingress({"hostname": HOME, "service": "http://a"}), False),
    (ingress({"path": "/x", "service": "http://a"}), False),
    (ingress({"hostname": "a:1", "service": "nothing"}, CATCH_ALL), False),
    (ingress({"hostname": "a:1", "path": "(", "service": "http://a"}), False),
    (ingress({"Hostname": HOME, "SERVICE": "http://a", "x": 1}, CATCH_ALL), True),
    (ingress({"hostname": None, "path": None, "service": "http://a"}), True),
    (ingress({"service": "a", "Service": "http://a"}), True),
    (ingress(CATCH_ALL, originRequest={"bastionMode": True}), True),
    (ingress({"service": "x", "originRequest": {"bastionMode": True}}), True),
    (with_settings(access={"required": True, "audTag": ["a"]}), False),
    (with_settings(access={"required": False, "audTag": ["a"]}), True),
    (with_settings(access={"required": True}), True),
    (with_settings(caPool=""), True),
    (with_settings(connectTimeout=30, tlsTimeout=0, noTLSVerify=None, x=1), True),
    (
        ingress(
            {
                "service": "socks-proxy",
                "originRequest": {"ipRules": [{"prefix": "nowhere", "ports": [1]}]},
            }
        ),
        False,
    ),
    (
        ingress(
            {
                "service": "socks-proxy",
                "originRequest": {"ipRules": [{"prefix": "10.1.2.3/8", "ports": [1]}]},
            }
        ),
        True,
    ),
]


async def test_configurations(both: Connected) -> None:
    """The same are refused, in the same words."""
    differences = []
    for config, is_taken in CONFIGURATIONS:
        said = await both.refusal(config)
        assert (said is None) == is_taken, (config, said)
        reply = await both.api.request("PUT", CONFIGURATION, {"config": config})
        answer = None if reply.status == 200 else (reply.code, reply.message)
        if answer != (
            said and (1056, f"Bad Configuration: Validation failed: {said}\n")
        ):
            differences.append((config, said, answer))
    # What Go says of a bad address in brackets is its own.
    assert [each for each in differences if "ParseAddr" not in str(each)] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"connectTimeout": "30s"},
        {"connectTimeout": 1.5},
        {"noTLSVerify": "true"},
        {"keepAliveConnections": "1"},
        {"httpHostHeader": 1},
        {"proxyPort": -1},
        {"access": []},
        {"access": {"required": "true"}},
        {"access": {"audTag": "a"}},
        {"ipRules": {}},
    ],
    ids=str,
)
async def test_settings_of_a_wrong_kind(
    both: Connected, settings: dict[str, Any]
) -> None:
    config = with_settings(**settings)
    if both.real:
        assert await both.refusal(config) is not None
    assert (await both.put(*config["ingress"])).status == 400


async def test_every_configuration_that_plans_write(both: Connected) -> None:
    """All are taken, and every hostname meets the rule that the imitation chooses."""
    for config in plans():
        assert await both.refusal(config) is None, config
        shown = with_statuses(config)
        assert await both.refusal(shown) is None
        both.tunnel.config = shown
        for host in (*HOSTNAMES, "nas.example.com", HOSTNAMES[0].upper()):
            for path in ("/", "/api/x", "/local/x", "/api%2fx"):
                expected = service_status(shown, host, path)
                assert await both.status(host, path) == expected, (config, host, path)


def plans() -> Iterator[dict[str, Any]]:
    """Yield the configurations on the way of a plan, in some dozens of worlds."""
    found: dict[str, dict[str, Any]] = {}

    @given(worlds())
    @search(150)
    def collect(world: World) -> None:
        plan = make_plan(world.observation, world.desired)
        for observation in states(world.observation, plan):
            if config := observation.configurations.get(TUNNEL_ID):
                raw = dict(config.raw)
                found[json.dumps(raw, sort_keys=True)] = raw

    collect()
    yield from found.values()


def with_statuses(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration in which each rule answers with a status of its own."""
    rules = [
        {**rule, "service": f"http_status:{450 + number}", "originRequest": {}}
        for number, rule in enumerate(config["ingress"])
    ]
    return {**config, "ingress": rules, "originRequest": {}}
