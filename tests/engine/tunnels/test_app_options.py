"""Tests of the options of the app Cloudflared: what may be changed there, and what is left alone."""

from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.sync.settings import ProtectedHostname
from custom_components.cloudflare_mtls.engine.tunnels.app_options import (
    Obstacle,
    find_obstacle,
    names,
    serves,
    with_host,
    without_host,
)

HOSTNAME = "ha-mobile.example.com"
SERVICE = "http://homeassistant:8123"
ITEM = ProtectedHostname(hostname=HOSTNAME, tunnel_id="t", service=SERVICE)
NAS = {
    "hostname": "nas.example.com",
    "service": "http://192.168.1.20:5000",
    "disableChunkedEncoding": True,
}
OPTIONS: dict[str, Any] = {
    "external_hostname": "ha.example.com",
    "additional_hosts": [NAS],
    "tunnel_name": "home",
}
KNOWN = frozenset(
    {"external_hostname", "additional_hosts", "tunnel_name", "tunnel_token"}
    | {"catch_all_service", "run_parameters"}
)


def obstacle(**changed: Any) -> Obstacle | None:
    """Return what is in the way with some options changed."""
    return find_obstacle({**OPTIONS, **changed}, KNOWN, ITEM, "example.com")


def test_nothing_in_the_way() -> None:
    assert obstacle() is None
    assert obstacle(additional_hosts=[]) is None
    assert obstacle(external_hostname="") is None
    assert obstacle(tunnel_token="") is None
    assert obstacle(
        additional_hosts=[NAS, {"hostname": HOSTNAME, "service": SERVICE}]
    ) is (None)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"tunnel_token": "eyJh"}, Obstacle.TOKEN),
        ({"catch_all_service": "!secret service"}, Obstacle.SECRET),
        ({"run_parameters": ["--region=us", "!secret one"]}, Obstacle.SECRET),
        (
            {"additional_hosts": [{**NAS, "service": "!secret nas"}]},
            Obstacle.SECRET,
        ),
        (
            {"external_hostname": "ha.other.org", "additional_hosts": []},
            Obstacle.OTHER_ZONE,
        ),
        (
            {"external_hostname": "ha.notexample.com", "additional_hosts": []},
            Obstacle.OTHER_ZONE,
        ),
        (
            {"external_hostname": "", "additional_hosts": [], "catch_all_service": "x"},
            Obstacle.OTHER_ZONE,
        ),
        ({"external_hostname": HOSTNAME}, Obstacle.IN_USE),
        (
            {"additional_hosts": [{"hostname": HOSTNAME, "service": "http://nas:80"}]},
            Obstacle.IN_USE,
        ),
        ({"additional_hosts": "nas.example.com"}, Obstacle.MALFORMED),
        ({"additional_hosts": [{"hostname": "nas.example.com"}]}, Obstacle.MALFORMED),
        ({"additional_hosts": [{**NAS, "path": "/api"}]}, Obstacle.MALFORMED),
        ({"additional_hosts": [7]}, Obstacle.MALFORMED),
        # The Supervisor would drop it, without a word.
        ({"custom_config": True}, Obstacle.MALFORMED),
    ],
)
def test_what_is_in_the_way(changed: dict[str, Any], expected: Obstacle) -> None:
    assert obstacle(**changed) is expected


def test_one_entry_comes_and_goes() -> None:
    """It stands below all others, and everything else is as it was."""
    more = with_host(OPTIONS, ITEM)
    assert more == {
        **OPTIONS,
        "additional_hosts": [NAS, {"hostname": HOSTNAME, "service": SERVICE}],
    }
    assert OPTIONS["additional_hosts"] == [NAS]
    assert serves(more, ITEM)
    assert not serves(OPTIONS, ITEM)
    assert without_host(more, ITEM) == OPTIONS


def test_entry_that_somebody_changed_stays() -> None:
    """What is no longer as it was added is somebody else's."""
    changed = {"hostname": HOSTNAME, "service": "http://homeassistant:80"}
    options = {**OPTIONS, "additional_hosts": [NAS, changed]}
    assert not serves(options, ITEM)
    assert without_host(options, ITEM) == options


def test_first_hosts_of_all() -> None:
    """An app that has no additional hostname yet may leave the option out."""
    assert with_host({"external_hostname": "ha.example.com"}, ITEM) == {
        "external_hostname": "ha.example.com",
        "additional_hosts": [{"hostname": HOSTNAME, "service": SERVICE}],
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"external_hostname": HOSTNAME}, True),
        ({"external_hostname": f"{HOSTNAME.title()}."}, True),
        ({"additional_hosts": [{"hostname": HOSTNAME, "service": "http://x"}]}, True),
        ({"additional_hosts": ["odd", {"hostname": HOSTNAME}]}, True),
        (OPTIONS, False),
        ({"additional_hosts": "odd", "external_hostname": 1}, False),
        ({}, False),
    ],
)
def test_names(options: dict[str, Any], expected: bool) -> None:
    """Whatever it leads the hostname to, also where the options are malformed."""
    assert names(options, HOSTNAME) is expected
