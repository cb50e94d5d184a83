"""Tests of records that lead to a tunnel by other names."""

from dataclasses import replace

import pytest

from custom_components.cloudflare_mtls.engine.api.models import DnsRecord
from custom_components.cloudflare_mtls.engine.rules.aliases import tunnel_behind
from tests.engine.builders import HOST, TUNNEL_ID, UNKNOWN_TUNNEL, observed, record


def alias(name: str, target: str) -> DnsRecord:
    """Return a record that leads to another name."""
    return record(name, content=target)


HOME = "home.example.com"
WWW = alias("www.example.com", HOME)


@pytest.mark.parametrize(
    "records",
    [
        [record(HOME)],
        [
            alias(HOME, "a.example.com"),
            alias("a.example.com", "B.EXAMPLE.com."),
            record("b.example.com"),
        ],
        [record("*.example.com")],
        [record("*.com", tunnel_id=UNKNOWN_TUNNEL), record("*.example.com")],
        [record("*.example.com"), record("*.com", tunnel_id=UNKNOWN_TUNNEL)],
        [record(HOME), record("*.example.com", tunnel_id=UNKNOWN_TUNNEL)],
        [record(HOME, kind="TXT", content="x"), record("*.example.com")],
        [record("*.example.com", kind="TXT", content="x"), record("*.com")],
    ],
)
def test_alias_of_a_name_that_leads_to_a_tunnel(records: list[DnsRecord]) -> None:
    """A name has its own records, or those of the closest wildcard."""
    assert tunnel_behind(WWW, [observed(records=[WWW, *records])]) == TUNNEL_ID


@pytest.mark.parametrize(
    "records",
    [
        [],
        [record(HOME, kind="A", content="192.0.2.1")],
        [alias(HOME, "www.example.com")],
        [alias(HOME, HOME)],
        [alias("*.example.com", "any.example.com")],
        [alias(HOME, "elsewhere.example.net")],
        [record(HOME, kind="TXT", content=f"{TUNNEL_ID}.cfargotunnel.com")],
        [record("*.home.example.com")],
    ],
)
def test_alias_that_leads_to_no_tunnel(records: list[DnsRecord]) -> None:
    """What leads in a circle leads nowhere."""
    assert tunnel_behind(WWW, [observed(records=[WWW, *records])]) is None


def test_record_that_leads_to_a_tunnel_itself() -> None:
    assert tunnel_behind(record(HOST), [observed()]) == TUNNEL_ID


def test_address_that_is_written_like_a_name() -> None:
    """Only a CNAME record leads to another name."""
    text = replace(WWW, type="TXT")
    assert tunnel_behind(text, [observed(records=[text, record(HOME)])]) is None


def test_alias_in_another_zone() -> None:
    other = alias("www.example.net", HOME)
    zones = [observed(records=[other]), observed(records=[record(HOME)])]
    assert tunnel_behind(other, zones) == TUNNEL_ID
    assert tunnel_behind(other, zones[::-1]) == TUNNEL_ID
