"""Tests of other names that lead to what a protected hostname leads to: each is told, unless it is locked."""

from dataclasses import replace
from time import process_time
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.access_models import AccessApplication
from custom_components.cloudflare_mtls.engine.api.ingress import TunnelConfiguration
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.api.models import Observation
from custom_components.cloudflare_mtls.engine.checks.finding import Finding
from custom_components.cloudflare_mtls.engine.checks.origin import Server
from custom_components.cloudflare_mtls.engine.checks.other_ways import check_other_ways
from custom_components.cloudflare_mtls.engine.checks.specs import Check
from custom_components.cloudflare_mtls.engine.checks.surroundings import Surroundings
from custom_components.cloudflare_mtls.engine.sync.settings import Purpose
from tests.engine.builders import (
    HOST,
    SERVICE,
    TUNNEL_ID,
    ZONE_ID,
    in_sync,
    protected,
    record,
    rule,
)

OPEN = "home.example.com"
OTHER_TUNNEL = "c".rjust(36, "0")
CATCH_ALL = {"service": "http_status:404"}
HERE = Server(port=8123, tls=False, hosts=frozenset({"192.168.1.10"}))


def configuration(
    *ingress: dict[str, Any], tunnel_id: str = TUNNEL_ID
) -> TunnelConfiguration:
    """Return the configuration of a tunnel."""
    rules = [*ingress, CATCH_ALL]
    return TunnelConfiguration.from_raw(tunnel_id, Fields({"ingress": rules}))


def served(name: str, service: str = SERVICE, **more: str) -> dict[str, Any]:
    """Return an ingress rule."""
    return {"hostname": name, "service": service, **more}


def home(
    *ingress: dict[str, Any],
    names: tuple[str, ...] = (OPEN,),
    tunnel_id: str = TUNNEL_ID,
) -> Observation:
    """Return a zone in sync, with more ingress rules, and records that lead to a tunnel."""
    seen = in_sync()
    own = served(HOST)
    configurations = {**seen.configurations, TUNNEL_ID: configuration(own, *ingress)}
    records = [record(name, ours=False, tunnel_id=tunnel_id) for name in names]
    return replace(
        seen, configurations=configurations, records=(*seen.records, *records)
    )


def application(
    uri: str, *excepted: str, lets_all_pass: bool = False
) -> AccessApplication:
    """Return an Access application, from which these paths are excepted."""
    overrides = [{"behavior": "public", "path_pattern": path} for path in excepted]
    decision = "bypass" if lets_all_pass else "allow"
    policy = {"id": "p", "decision": decision, "include": [{"everyone": {}}]}
    return AccessApplication.parse(
        Fields(
            {
                "id": uri,
                "type": "self_hosted",
                "destinations": [{"uri": uri, "overrides": overrides}],
                "policies": [policy],
            }
        )
    )


def found(
    observation: Observation, *applications: AccessApplication, **more: Any
) -> set[str]:
    """Return the names that are found."""
    around = Surroundings(applications=applications, **more)
    findings = check_other_ways({ZONE_ID: observation}, around, [protected()], HERE)
    return {finding.target for finding in findings}


def test_what_is_told() -> None:
    around = Surroundings(applications=())
    (finding,) = check_other_ways(
        {ZONE_ID: home(served(OPEN))}, around, [protected()], HERE
    )
    assert finding == Finding(
        check=Check.OPEN_HOSTNAME,
        target=OPEN,
        place=TUNNEL_ID,
        value=SERVICE,
        detail=HOST,
    )


@pytest.mark.parametrize(
    "ingress",
    [
        [served(OPEN)],
        [served("Home.Example.com"), served(OPEN)],
        [served("*.example.com")],
        [served("*.example.com", "http://nas:5000", path="/files"), served(OPEN)],
        [served(OPEN, path="/api")],
        [served(OPEN, SERVICE.upper().replace("HTTP", "http"))],
        [{"service": SERVICE}],
        [served(OPEN, "http_status:404"), served("*.example.com")],
        [served(OPEN, "http://nas:5000"), {"service": SERVICE}],
    ],
)
def test_ways_in(ingress: list[dict[str, Any]]) -> None:
    """By its own rule or a wildcard's, by a path, or by the last rule, which other letters reach."""
    assert found(home(*ingress)) == {OPEN}


@pytest.mark.parametrize(
    "ingress",
    [
        [],
        [served(OPEN, "http://nas:5000")],
        [served(OPEN, "http_status:404"), served("nas.example.com")],
        [served(OPEN, "http://nas:5000"), CATCH_ALL, {"service": SERVICE}],
    ],
)
def test_names_that_lead_elsewhere(ingress: list[dict[str, Any]]) -> None:
    assert found(home(*ingress)) == set()


@pytest.mark.parametrize(
    "service",
    [
        "http://localhost:8123",
        "https://127.0.0.1:8123",
        "http://[::1]:8123",
        "http://homeassistant.local:8123",
        "http://homeassistant.fritz.box:8123",
        "http://HomeAssistant.home.arpa.:8123",
        "http://localhost.localdomain:8123",
        "http://\uff4cocalhost:8123",
        "http://192.168.1.10:8123",
        "http://[::ffff:192.168.1.10]:8123",
        "http://[::ffff:7f00:1]:8123",
        "http://[::1%25lo]:8123",
        "http://127.1:8123",
        "http://0:8123",
        "http://0x7f000001:8123",
        "ws://localhost:8123",
        "WSS://192.168.1.10:8123",
        "tcp://192.168.1.10:8123",
        "ssh://homeassistant:8123",
        "anything://localhost:8123",
        "bastion",
        "socks-proxy",
        "localhost:8123",
        "http://localhost:port",
        "//localhost:8123",
        "something new",
    ],
)
def test_other_addresses_of_home_assistant(service: str) -> None:
    """It is the same one, by whichever scheme; and what nobody can read may lead there."""
    assert found(home(served(OPEN, service))) == {OPEN}


@pytest.mark.parametrize(
    "service",
    [
        "http://localhost:8124",
        "http://nas:8123",
        "http://nas.fritz.box:8123",
        "http://homeassistant.example.net:8123",
        "ws://nas:8123",
        "ssh://localhost",
        "tcp://localhost",
        "anything://localhost",
        "http://3com.lan:8123",
        "unix:/run/nas.sock",
        "unix+tls:/run/nas.sock",
        "hello_world",
        "hello-world",
    ],
)
def test_other_servers(service: str) -> None:
    """Another port on the same machine, another machine, a socket, and cloudflared's own page."""
    assert found(home(served(OPEN, service))) == set()


@pytest.mark.parametrize("settings", [{"bastionMode": True}, {"proxyType": "socks"}])
def test_visitor_who_chooses_the_address(settings: dict[str, Any]) -> None:
    """Such a rule leads everywhere, whatever its service; the setting may be that of all rules."""
    seen = home(served(OPEN, "tcp://nas:22"))
    assert found(seen) == set()
    rule = {**served(OPEN, "tcp://nas:22"), "originRequest": settings}
    assert found(home(rule)) == {OPEN}
    for_all = TunnelConfiguration.from_raw(
        TUNNEL_ID,
        Fields(
            {
                "ingress": [served(OPEN, "tcp://nas:22"), CATCH_ALL],
                "originRequest": settings,
            }
        ),
    )
    assert found(replace(seen, configurations={TUNNEL_ID: for_all})) == {OPEN}


@pytest.mark.parametrize(
    ("service", "other", "is_told"),
    [
        ("http://nas:5000", "tcp://NAS.:5000", True),
        ("http://nas:5000", "https://nas:5000", True),
        ("http://localhost:5000", "http://192.168.1.10:5000", True),
        ("http://nas:5000", "socks-proxy", True),
        ("unix:/run/nas.sock", "unix:/run/nas.sock", True),
        ("unix:/run/nas.sock", "unix:/run/other.sock", False),
        ("http://nas:5000", "http://nas:5001", False),
        ("http://nas:5000", "something new", False),
    ],
)
def test_another_service(service: str, other: str, *, is_told: bool) -> None:
    """It is known by its address, whatever the scheme; one that nobody can read is not it."""
    nas = replace(protected(), service=service, purpose=Purpose.OTHER)
    around = Surroundings(applications=())
    told = check_other_ways({ZONE_ID: home(served(OPEN, other))}, around, [nas], HERE)
    assert bool(told) is is_told


def test_home_assistant_beside_another_service() -> None:
    """No protected hostname leads there."""
    nas = replace(protected(), service="http://nas:5000", purpose=Purpose.OTHER)
    seen = {ZONE_ID: home(served(OPEN))}
    around = Surroundings(applications=())
    assert check_other_ways(seen, around, [nas], HERE) == []


def test_wildcard_record() -> None:
    """All names are told as one."""
    wildcard = home(served("*.example.com"), names=("*.example.com",))
    assert found(wildcard) == {"*.example.com"}


def test_name_without_a_record() -> None:
    """Nobody finds it."""
    assert found(home(served(OPEN), names=())) == set()


def test_name_of_a_zone_that_was_not_read() -> None:
    """Nobody knows whether it leads anywhere."""
    assert found(home(served("home.example.net"), names=())) == set()


def test_protected_hostnames() -> None:
    """Each has a lock of its own, published or not."""
    both = [protected(), protected(OPEN)]
    around = Surroundings(applications=())
    seen = {ZONE_ID: home(served(OPEN))}
    assert check_other_ways(seen, around, both, HERE) == []
    hidden = [protected(), replace(protected(OPEN), published=False)]
    assert check_other_ways(seen, around, hidden, HERE) == []


def test_hostname_that_is_not_published() -> None:
    """The other one leads on; a repair that a person ignored does not come back."""
    hidden = [replace(protected(), published=False)]
    around = Surroundings(applications=())
    assert check_other_ways({ZONE_ID: home(served(OPEN))}, around, hidden, HERE) != []


@pytest.mark.parametrize(
    ("applications", "is_open"),
    [
        ([application(OPEN)], False),
        ([application("*.example.com")], False),
        ([application(OPEN, lets_all_pass=True)], True),
        ([application("*.example.com"), application(OPEN, lets_all_pass=True)], True),
        ([application("*.example.com"), application(f"{OPEN}/*")], False),
        (
            [application(OPEN), application(f"{OPEN}/*", lets_all_pass=True)],
            True,
        ),
        (
            [
                application("*.example.com"),
                application(f"{OPEN}/*/*", lets_all_pass=True),
            ],
            True,
        ),
        (
            [
                application("*.example.com"),
                application("ho*.example.com", lets_all_pass=True),
            ],
            True,
        ),
        (
            [application(OPEN), application(f"{OPEN}/hook*", lets_all_pass=True)],
            False,
        ),
        ([application(OPEN, "/auth/*")], False),
        ([application(OPEN, "/auth/*", "/*")], True),
        ([application("*.example.com", "/")], True),
        ([application(f"{OPEN}/*")], True),
        ([application(f"{OPEN}/admin")], True),
        ([application("nas.example.com")], True),
    ],
)
def test_login(applications: list[AccessApplication], is_open: bool) -> None:
    """Access before the whole hostname is a lock; of a path it is none."""
    assert found(home(served(OPEN)), *applications) == ({OPEN} if is_open else set())


@pytest.mark.parametrize(
    ("uri", "is_told"),
    [
        ("status.example.com", True),
        ("status.example.com/*", True),
        ("dev*.example.com", True),
        ("*-dev.example.com", True),
        ("status.example.com/api*", False),
        ("a.status.example.com", True),
        (HOST, False),
        ("status.example.net", False),
        ("nas.example.com", False),
    ],
)
def test_name_below_a_wildcard_that_only_an_application_tells(
    uri: str, *, is_told: bool
) -> None:
    """All others ask for a login, and nothing is inherited; one has a record that leads elsewhere."""
    seen = home(served("*.example.com"), names=("*.example.com",))
    nas = record(
        "nas.example.com", ours=False, kind="A", content="192.0.2.1", proxied=True
    )
    seen = replace(seen, records=(*seen.records, nas))
    logins = [application("*.example.com"), application("*.*.example.com")]
    assert found(seen, *logins) == set()
    told = found(seen, *logins, application(uri, lets_all_pass=True))
    assert told == ({uri.partition("/")[0]} if is_told else set())


@pytest.mark.parametrize("ingress", [{"service": SERVICE}, served("*.example.com")])
def test_deeper_name_below_a_wildcard(ingress: dict[str, Any]) -> None:
    """In DNS and in a tunnel's rules a star stands for several labels, in Access for one."""
    seen = home(ingress, names=("*.example.com",))
    assert found(seen) == {"*.example.com"}
    assert found(seen, application("*.example.com")) == {"*.*.example.com"}


def test_name_that_only_an_application_tells_and_that_leads_nowhere() -> None:
    """Without a wildcard record nobody finds it, and another tunnel's record leads elsewhere."""
    bypass = application("status.example.com", lets_all_pass=True)
    rule = served("*.example.com")
    assert found(home(rule, names=()), bypass) == set()
    elsewhere = home(rule, names=("*.example.com",), tunnel_id=OTHER_TUNNEL)
    other = configuration(served("*.example.com", "http://nas"), tunnel_id=OTHER_TUNNEL)
    configurations = {OTHER_TUNNEL: other}
    login = application("*.example.com")
    assert found(elsewhere, login, bypass, configurations=configurations) == set()


def test_applications_that_cannot_be_read() -> None:
    """They may ask for a login."""
    assert (
        check_other_ways(
            {ZONE_ID: home(served(OPEN))}, Surroundings(), [protected()], HERE
        )
        == []
    )


def test_rule_that_blocks_without_a_certificate() -> None:
    """A hostname that somebody locked by hand, however its name is written, is not told."""
    lock = rule(
        "block",
        f'starts_with(lower(http.host), "{OPEN}") '
        "and (not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)",
        "lock",
    )
    seen = home(served(OPEN))
    rules = (*seen.ruleset.rules, lock)
    locked = replace(seen, ruleset=replace(seen.ruleset, rules=rules))
    assert found(locked) == set()


def test_another_tunnel_of_the_account() -> None:
    seen = home(names=(OPEN,), tunnel_id=OTHER_TUNNEL)
    other = configuration(served(OPEN), tunnel_id=OTHER_TUNNEL)
    assert found(seen) == set()
    assert found(seen, configurations={OTHER_TUNNEL: other}) == {OPEN}


def test_name_that_leads_to_another_name() -> None:
    """The wildcard leads to the hostname of browsers, which leads to the tunnel."""
    alias = replace(record("*.example.com", ours=False), content=OPEN)
    seen = home({"service": SERVICE})
    seen = replace(seen, records=(*seen.records, alias))
    assert found(seen, application(OPEN)) == {"*.example.com"}
    named = application("other.example.com", lets_all_pass=True)
    logins = [application("*.example.com"), application("*.*.example.com")]
    assert found(seen, *logins, named) == {"other.example.com"}


def test_as_many_rules_as_a_tunnel_may_have() -> None:
    """Each is looked at once, and not for each of as many names."""
    others = [served(f"h{number}.example.com", "http://nas") for number in range(998)]
    seen = home(*others, served(OPEN))
    before = process_time()
    assert found(seen) == {OPEN}
    assert process_time() - before < 0.1
