"""What the models make of Cloudflare's answers, complete or not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.api.errors import Unavailable
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.api.models import (
    Account,
    CertificateStatus,
    ClientCertificate,
    Connector,
    ConnectorToken,
    DnsRecord,
    Rule,
    Ruleset,
    Tunnel,
    TunnelStatus,
    Zone,
    ZoneType,
    name_matches,
)

ZONE = {"id": "z", "name": "Example.COM", "account": {"id": "a", "name": "Home"}}


def test_zone() -> None:
    """Every field is read."""
    data = {**ZONE, "status": "active", "plan": {"legacy_id": "pro"}, "new": 1}
    assert Zone.parse(Fields(data)) == Zone(
        id="z",
        name="example.com",
        account=Account(id="a", name="Home"),
        plan="pro",
        active=True,
    )


@pytest.mark.parametrize(
    ("more", "plan", "active"),
    [
        ({}, "free", False),
        ({"plan": None, "status": "active"}, "free", True),
        ({"plan": {}, "status": "active", "paused": None}, "free", True),
        ({"plan": {"legacy_id": None}, "status": "pending"}, "free", False),
        ({"status": "active", "paused": True}, "free", False),
    ],
)
def test_zone_with_gaps(more: dict[str, Any], plan: str, active: bool) -> None:
    """A zone without a plan is on the free plan; one without a status is not active."""
    zone = Zone.parse(Fields({**ZONE, **more}))
    assert (zone.plan, zone.active) == (plan, active)


@pytest.mark.parametrize(
    ("written", "zone_type"),
    [
        ("full", ZoneType.FULL),
        ("partial", ZoneType.PARTIAL),
        ("secondary", ZoneType.SECONDARY),
        ("internal", None),
        (None, ZoneType.FULL),
    ],
)
def test_type_of_a_zone(written: str | None, zone_type: ZoneType | None) -> None:
    """A new type may be anything; older answers have none."""
    assert Zone.parse(Fields({**ZONE, "type": written})).type is zone_type


def test_zone_in_its_own_letters() -> None:
    """It has the name that DNS has, and is shown by the one that people read."""
    zone = Zone.parse(Fields({**ZONE, "name": "MÅS-HEM.example"}))
    assert (zone.name, zone.title) == ("xn--ms-hem-iua.example", "mås-hem.example")


@pytest.mark.parametrize(
    "change", [{"account": None}, {"account": {}}, {"id": None}, {"name": ""}]
)
def test_malformed_zone(change: dict[str, Any]) -> None:
    """A zone without an id, name or account raises Unavailable."""
    with pytest.raises(Unavailable):
        Zone.parse(Fields({**ZONE, **change}))


def test_account_without_a_name_is_called_by_its_id() -> None:
    """Cloudflare may leave out the name."""
    zone = Zone.parse(Fields({**ZONE, "account": {"id": "a", "name": None}}))
    assert zone.account.name == "a"


def test_tunnel() -> None:
    """Every field is read."""
    data = {
        "id": "t",
        "name": "home",
        "status": "healthy",
        "config_src": "cloudflare",
        "created_at": "2026-11-01T12:00:00Z",
        "conns_active_at": "2026-11-03T12:00:00.123456789Z",
        "conns_inactive_at": None,
        "deleted_at": None,
    }
    assert Tunnel.parse(Fields(data)) == Tunnel(
        id="t",
        name="home",
        status=TunnelStatus.HEALTHY,
        remotely_managed=True,
        created_at=datetime(2026, 11, 1, 12, 0, 0, 0, UTC),
        connected_since=datetime(2026, 11, 3, 12, 0, 0, 123456, UTC),
        disconnected_since=None,
    )


@pytest.mark.parametrize(
    ("more", "status", "remote"),
    [
        ({}, None, False),
        ({"status": "exploded", "config_src": "local"}, None, False),
        ({"status": None, "config_src": None, "remote_config": True}, None, True),
        ({"status": "down", "remote_config": False}, TunnelStatus.DOWN, False),
    ],
)
def test_tunnel_with_gaps(
    more: dict[str, Any], status: TunnelStatus | None, remote: bool
) -> None:
    """Only the id is required: status, name and times may be missing."""
    tunnel = Tunnel.parse(
        Fields({"id": "t", "conns_active_at": "0001-01-01T00:00:00Z", **more})
    )
    assert (tunnel.status, tunnel.remotely_managed) == (status, remote)
    assert tunnel.name == "t"
    assert tunnel.connected_since is None


@pytest.mark.parametrize(
    ("status", "inactive", "never_connected", "cut_off"),
    [
        ("inactive", "2026-11-01T12:00:00Z", True, False),
        ("inactive", None, True, False),
        ("inactive", "2026-11-02T12:00:00Z", False, True),
        ("down", "2026-11-02T12:00:00Z", False, True),
        ("down", None, False, True),
        ("degraded", None, False, False),
        ("healthy", None, False, False),
        (None, "2026-11-02T12:00:00Z", False, False),
    ],
)
def test_tunnel_that_never_ran_is_told_from_one_that_is_cut_off(
    status: str | None, inactive: str | None, never_connected: bool, cut_off: bool
) -> None:
    """Cloudflare gives the start of the inactivity: the tunnel's creation, or a later time."""
    tunnel = Tunnel.parse(
        Fields(
            {
                "id": "t",
                "status": status,
                "created_at": "2026-11-01T12:00:00Z",
                "conns_inactive_at": inactive,
            }
        )
    )
    assert tunnel.never_connected is never_connected
    assert tunnel.cut_off is cut_off


def test_token_of_a_connector_is_never_printed() -> None:
    token = ConnectorToken("eyJhIjoiYiJ9")
    assert "eyJ" not in f"{token!r} {token} {[token]}"


def test_connector_counts_its_connections() -> None:
    """A connection that waits to reconnect does not count, nor does its location."""
    data = {
        "id": "c",
        "version": "2026.8.2",
        "conns": [
            {"is_pending_reconnect": False, "colo_name": "fra06"},
            {"is_pending_reconnect": True, "colo_name": "ams01"},
            {"is_pending_reconnect": None, "colo_name": "fra06"},
            {},
        ],
    }
    assert Connector.parse(Fields(data)) == Connector(
        id="c", version="2026.8.2", connections=3, locations=frozenset({"fra06"})
    )
    assert Connector.parse(Fields({"id": "c", "conns": None})).connections == 0


@pytest.mark.parametrize(
    ("content", "tunnel_id"),
    [
        ("t-1.cfargotunnel.com", "t-1"),
        ("T-1.CFARGOTUNNEL.COM.", "t-1"),
        ("t-1.sub.cfargotunnel.com", None),
        ("cfargotunnel.com", None),
        ("t-1.cfargotunnel.com.evil.test", None),
        ("192.0.2.1", None),
        ("", None),
    ],
)
def test_tunnel_of_a_record(content: str, tunnel_id: str | None) -> None:
    """Only a target under cfargotunnel.com leads to a tunnel."""
    record = DnsRecord.parse(
        Fields({"id": "r", "name": "A.example.com", "type": "CNAME", "content": content})
    )  # fmt: skip
    assert record.tunnel_id == tunnel_id
    assert (record.name, record.proxied, record.comment) == ("a.example.com", False, None)  # fmt: skip


def test_record_without_content() -> None:
    """Some types keep their content in `data`."""
    data = {"id": "r", "name": "a.example.com", "type": "SRV", "data": {}}
    assert DnsRecord.parse(Fields(data)).content == ""


def test_rule_with_gaps() -> None:
    """Without a ref, the id stands in for it."""
    rule = Rule.parse(Fields({"id": "r", "action": "block"}))
    assert rule == Rule(
        id="r",
        ref="r",
        action="block",
        expression="",
        description="",
        enabled=True,
        action_parameters={},
    )


def test_expression_that_is_too_long_to_be_read() -> None:
    """Cloudflare takes 4,096 characters: more is not what it has."""
    data = {"id": "r", "action": "block"}
    assert Rule.parse(Fields({**data, "expression": "a" * 16384})).expression
    with pytest.raises(Unavailable):
        Rule.parse(Fields({**data, "expression": "a" * 16385}))


@pytest.mark.parametrize(
    ("more", "conditional"),
    [
        ({"version": "3", "categories": [], "logging": {"enabled": True}}, False),
        ({"exposed_credential_check": None}, False),
        ({"exposed_credential_check": {"username_expression": "x"}}, True),
        ({"ratelimit": {"period": 10}}, True),
        ({"something_new": 1}, True),
    ],
)
def test_rule_with_other_conditions(more: dict[str, Any], conditional: bool) -> None:
    """What is not known may keep the rule from a request that matches its expression."""
    rule = Rule.parse(Fields({"id": "r", "action": "block", **more}))
    assert rule.has_other_conditions is conditional


@pytest.mark.parametrize("more", [{}, {"rules": None}, {"rules": []}])
def test_empty_ruleset(more: dict[str, Any]) -> None:
    """Cloudflare may leave out the list of rules."""
    assert Ruleset.parse(Fields({"id": "rs", **more})) == Ruleset(id="rs")


def test_rule_is_found_by_its_ref() -> None:
    """An unknown ref finds nothing."""
    data = {"id": "rs", "rules": [{"id": "r", "ref": "mine", "action": "block"}]}
    ruleset = Ruleset.parse(Fields(data))
    assert ruleset.by_ref("mine") == ruleset.rules[0]
    assert ruleset.by_ref("r") is None


@pytest.mark.parametrize(
    ("status", "read"),
    [
        ("active", CertificateStatus.ACTIVE),
        ("pending_revocation", CertificateStatus.PENDING_REVOCATION),
        ("revoked", CertificateStatus.REVOKED),
        (None, CertificateStatus.ACTIVE),
        ("lost", None),
    ],
)
def test_certificate_status(status: str | None, read: CertificateStatus | None) -> None:
    """An unknown status is None; a missing one is active."""
    data = {"id": "c", "certificate": "PEM", "status": status}
    assert ClientCertificate.parse(Fields(data)).status is read


def test_certificate_must_have_a_certificate() -> None:
    """Without its PEM, a certificate raises Unavailable."""
    with pytest.raises(Unavailable):
        ClientCertificate.parse(Fields({"id": "c", "certificate": ""}))


@pytest.mark.parametrize(
    ("pattern", "hostname", "matches"),
    [
        ("a.example.com", "a.example.com", True),
        ("a.example.com", "b.example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.notexample.com", False),
        ("*.a.example.com", "b.example.com", False),
    ],
)
def test_wildcard_names(pattern: str, hostname: str, matches: bool) -> None:
    """A star stands for at least one label, and only at the beginning."""
    assert name_matches(pattern, hostname) is matches
