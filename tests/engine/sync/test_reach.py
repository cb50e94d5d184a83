"""Which zone serves a hostname, and what keeps visitors from it in DNS and TLS."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import Zone, ZoneType
from custom_components.cloudflare_mtls.engine.sync.reach import (
    Doubt,
    find_delegation,
    find_doubt,
    zone_of,
)
from tests.engine.builders import record, zone


def named(name: str) -> Zone:
    """Return a zone with this name."""
    return replace(zone(), id=f"id-of-{name}", name=name)


ZONES = [named(name) for name in ("example.com", "lab.example.com", "myexample.com")]


@pytest.mark.parametrize(
    ("hostname", "name"),
    [
        ("ha-mobile.lab.example.com", "lab.example.com"),
        ("lab.example.com", "lab.example.com"),
        ("a.b.lab.example.com", "lab.example.com"),
        ("ha-mobile.example.com", "example.com"),
        ("example.com", "example.com"),
        ("ha-mobile.myexample.com", "myexample.com"),
        ("ha-mobile.notlab.example.com", "example.com"),
    ],
)
def test_zone_of_a_hostname(hostname: str, name: str) -> None:
    """The order of the zones makes no difference."""
    for zones in (ZONES, ZONES[::-1]):
        found = zone_of(hostname, zones)
        assert found
        assert found.name == name


@pytest.mark.parametrize("hostname", ["com", "notexample.com.net", "example.org"])
def test_hostname_of_no_zone(hostname: str) -> None:
    assert zone_of(hostname, ZONES) is None


@pytest.mark.parametrize(
    ("hostname", "delegated"),
    [
        ("lab.example.com", True),
        ("ha.lab.example.com", True),
        ("a.b.lab.example.com", True),
        ("example.com", False),
        ("ha.example.com", False),
        ("ha.notlab.example.com", False),
        ("collab.example.com", False),
    ],
)
def test_delegation(hostname: str, delegated: bool) -> None:
    """The NS records of the zone itself, and other records, delegate nothing."""
    records = [
        record("example.com", kind="NS"),
        record("ha.example.com", kind="TXT"),
        record("lab.example.com", kind="NS"),
    ]
    found = find_delegation(hostname, zone(), records)
    assert found == ("lab.example.com" if delegated else None)


UNIVERSAL = ["example.com", "*.example.com"]


@pytest.mark.parametrize(
    ("names", "hostname", "covered"),
    [
        (UNIVERSAL, "ha-mobile.example.com", True),
        (UNIVERSAL, "example.com", True),
        (UNIVERSAL, "ha-mobile.lab.example.com", False),
        (UNIVERSAL, "a.b.c.example.com", False),
        ([*UNIVERSAL, "*.lab.example.com"], "ha-mobile.lab.example.com", True),
        ([*UNIVERSAL, "*.lab.example.com"], "lab.example.com", True),
        ([*UNIVERSAL, "*.lab.example.com"], "a.b.lab.example.com", False),
        ([*UNIVERSAL, "ha.lab.example.com"], "ha-mobile.lab.example.com", False),
        ([*UNIVERSAL, "ha.lab.example.com"], "ha.lab.example.com", True),
        (["*.example.com"], "example.com", False),
        (["example.com"], "ha-mobile.example.com", False),
        ([], "example.com", False),
    ],
)
def test_certificates(names: list[str], hostname: str, covered: bool) -> None:
    """A star stands for exactly one label."""
    expected = None if covered else Doubt.NO_CERTIFICATE
    assert find_doubt(hostname, zone(), names) is expected


def test_certificates_that_are_not_known() -> None:
    assert find_doubt("a.b.c.example.com", zone(), None) is None


@pytest.mark.parametrize(
    ("zone_type", "doubt"),
    [
        (ZoneType.FULL, Doubt.NO_CERTIFICATE),
        (ZoneType.SECONDARY, Doubt.NO_CERTIFICATE),
        (None, Doubt.NO_CERTIFICATE),
        (ZoneType.PARTIAL, Doubt.PARTIAL_ZONE),
    ],
)
def test_types_of_zones(zone_type: ZoneType | None, doubt: Doubt) -> None:
    """Where the DNS is elsewhere, Cloudflare orders a certificate for each hostname."""
    found = find_doubt("a.b.example.com", replace(zone(), type=zone_type), UNIVERSAL)
    assert found is doubt
