"""Set up and tear down a zone with the ordinary methods of Cloudflare's SDK."""

from collections.abc import AsyncIterator
import json
from typing import Any

from cloudflare import (
    APIStatusError,
    AsyncCloudflare,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
)
import pytest

from sandbox import Sandbox
from sandbox.seed import SERVICE
from sandbox.state import FIREWALL_PHASE, DnsRecord

from .helpers import csr_text, new_csr

HOSTNAME = "home-mobile.example.com"


@pytest.fixture
async def official(sandbox: Sandbox) -> AsyncIterator[Any]:
    """Return the SDK's client, without retries.

    It is typed as Any, because the SDK's types say that every value may be missing.
    """
    async with AsyncCloudflare(
        api_token=sandbox.token, base_url=sandbox.api_url, max_retries=0
    ) as client:
        yield client


async def test_set_up_and_tear_down(sandbox: Sandbox, official: Any) -> None:
    """Go from the token to the tear-down; each step sees the results of earlier ones."""
    assert (await official.user.tokens.verify()).status == "active"
    [zone] = [found async for found in official.zones.list(name="example.com")]
    assert (zone.id, zone.plan.legacy_id) == (sandbox.zone_id, "free")
    assert (await official.zones.get(zone_id=zone.id)).account.id == zone.account.id
    [account] = [found async for found in official.accounts.list()]
    assert (account.id, account.name) == (zone.account.id, zone.account.name)
    in_account, in_zone = {"account_id": account.id}, {"zone_id": zone.id}

    # A tunnel.
    tunnels = official.zero_trust.tunnels.cloudflared
    tunnel = await tunnels.create(name="mobile", config_src="cloudflare", **in_account)
    assert (tunnel.status, tunnel.remote_config) == ("inactive", True)
    assert tunnel.model_extra["token"] == await tunnels.token.get(
        tunnel.id, **in_account
    )
    before = await tunnels.configurations.get(tunnel.id, **in_account)
    assert (before.version, before.config) == (0, None)
    connectors = await tunnels.connections.get(tunnel.id, **in_account)
    assert connectors.result == []
    sandbox.state.tunnels[tunnel.id].connect()
    [connector] = [
        found async for found in tunnels.connections.get(tunnel.id, **in_account)
    ]
    assert {conn.client_id for conn in connector.conns} == {connector.id}
    assert (await tunnels.get(tunnel.id, **in_account)).status == "healthy"
    listed = [
        found.name
        async for found in tunnels.list(
            status="healthy", is_deleted=False, **in_account
        )
    ]
    assert sorted(listed) == ["home", "mobile"]

    # Its configuration: the SDK translates its own names to the API's.
    written = await tunnels.configurations.update(
        tunnel.id,
        config={
            "ingress": [
                {
                    "hostname": HOSTNAME,
                    "service": SERVICE,
                    "origin_request": {"no_tls_verify": True, "connect_timeout": 10},
                },
                {"service": "http_status:404"},
            ]
        },
        **in_account,
    )
    assert written.version == 1
    [ours, catch_all] = written.config.ingress
    assert ours.origin_request.no_tls_verify
    assert ours.origin_request.connect_timeout == 10
    assert (catch_all.hostname, catch_all.service) == (None, "http_status:404")
    read = await tunnels.configurations.get(tunnel.id, **in_account)
    assert read.to_dict() == written.to_dict()

    # A DNS record that points to the tunnel.
    records = official.dns.records
    record = await records.create(
        type="CNAME",
        name=HOSTNAME,
        content=f"{tunnel.id}.cfargotunnel.com",
        proxied=True,
        ttl=1,
        comment="ours",
        **in_zone,
    )
    edited = await records.edit(
        record.id, type="CNAME", name=HOSTNAME, ttl=1, comment="still ours", **in_zone
    )
    assert (edited.content, edited.comment) == (record.content, "still ours")
    found = [
        each.id
        async for each in records.list(
            name={"exact": HOSTNAME},
            type="CNAME",
            comment={"contains": "ours"},
            **in_zone,
        )
    ]
    assert found == [record.id]
    assert (await records.get(record.id, **in_zone)).modified_on == edited.modified_on
    replaced = await records.update(
        record.id, type="CNAME", name=HOSTNAME, content="example.com", ttl=60, **in_zone
    )
    assert (replaced.proxied, replaced.comment) == (False, None)

    # An association, so that the edge asks visitors for a certificate.
    associations = official.certificate_authorities.hostname_associations
    present = (await associations.get(**in_zone)).hostnames
    await associations.update(hostnames=[*present, HOSTNAME], **in_zone)
    assert (await associations.get(**in_zone)).hostnames == [*present, HOSTNAME]

    # Rules: the answers are plain objects, because the SDK allows for a dry run without one.
    entrypoint = await official.rulesets.phases.get(FIREWALL_PHASE, **in_zone)
    verified = "cf.tls_client_auth.cert_verified"
    block = {
        "action": "block",
        "expression": f'http.host eq "{HOSTNAME}" and not {verified}',
        "ref": "ours",
    }
    dry = await official.rulesets.rules.create(
        entrypoint.id, dry_run=True, **block, **in_zone
    )
    assert dry is None
    created = await official.rulesets.rules.create(
        entrypoint.id, position={"before": ""}, **block, **in_zone
    )
    assert [rule["ref"] for rule in created["rules"]] == [
        "ours",
        "block-other-countries",
    ]
    rule_id = created["rules"][0]["id"]
    skip = await official.rulesets.rules.create(
        entrypoint.id,
        action="skip",
        action_parameters={"ruleset": "current", "phases": ["http_ratelimit"]},
        expression=verified,
        position={"before": rule_id},
        **in_zone,
    )
    assert skip["rules"][0]["logging"] == {"enabled": True}
    changed = await official.rulesets.rules.edit(
        rule_id, ruleset_id=entrypoint.id, **{**block, "enabled": False}, **in_zone
    )
    assert not changed["rules"][1]["enabled"]
    again = await official.rulesets.phases.get(FIREWALL_PHASE, **in_zone)
    assert [rule.action for rule in again.rules] == ["skip", "block", "block"]
    assert again.rules[1].version == "2"
    [summary] = [ruleset async for ruleset in official.rulesets.list(**in_zone)]
    assert (summary.id, summary.version) == (again.id, again.version)

    # A certificate: create, revoke, reactivate.
    certificates = official.client_certificates
    _, csr = new_csr("Phone")
    created_certificate = await certificates.create(
        csr=csr_text(csr), validity_days=30, **in_zone
    )
    got = await certificates.get(created_certificate.id, **in_zone)
    assert got == created_certificate
    await certificates.delete(created_certificate.id, **in_zone)
    assert [each async for each in certificates.list(**in_zone)] == []
    [revoked] = [each async for each in certificates.list(status="all", **in_zone)]
    assert (revoked.id, revoked.status) == (created_certificate.id, "revoked")
    await certificates.edit(created_certificate.id, reactivate=True, **in_zone)
    [active] = [each async for each in certificates.list(**in_zone)]
    assert active.fingerprint_sha256 == created_certificate.fingerprint_sha256

    # Tear down.
    assert (await records.delete(record.id, **in_zone)).id == record.id
    for rule in again.rules[:2]:
        await official.rulesets.rules.delete(
            rule.id, ruleset_id=entrypoint.id, **in_zone
        )
    left = await official.rulesets.phases.get(FIREWALL_PHASE, **in_zone)
    assert [rule.ref for rule in left.rules] == ["block-other-countries"]
    await associations.update(hostnames=present, **in_zone)
    with pytest.raises(BadRequestError) as connected:
        await tunnels.delete(tunnel.id, **in_account)
    assert connected.value.errors[0].code == 1022
    sandbox.state.tunnels[tunnel.id].disconnect()
    assert (await tunnels.delete(tunnel.id, **in_account)).deleted_at is not None
    assert (await tunnels.get(tunnel.id, **in_account)).deleted_at is not None
    with pytest.raises(NotFoundError) as gone:
        await tunnels.configurations.get(tunnel.id, **in_account)
    assert gone.value.errors[0].code == 1055


async def test_whole_entrypoint(sandbox: Sandbox, official: Any) -> None:
    """The SDK can also replace all rules at once, and so create the first ones."""
    zone = sandbox.state.add_zone("empty.example")
    with pytest.raises(NotFoundError) as missing:
        await official.rulesets.phases.get(FIREWALL_PHASE, zone_id=zone.id)
    assert missing.value.errors[0].code == 10003
    rules = [{"action": "block", "expression": "ssl", "ref": "a"}]
    put = await official.rulesets.phases.update(
        FIREWALL_PHASE, rules=rules, zone_id=zone.id
    )
    assert [rule["ref"] for rule in put["rules"]] == ["a"]
    with pytest.raises(BadRequestError) as second:
        await official.rulesets.create(
            kind="zone", name="default", phase=FIREWALL_PHASE, rules=[], zone_id=zone.id
        )
    [error] = second.value.errors
    assert error.source is not None
    assert (error.code, error.source.pointer) == (20217, "/kind")
    emptied = await official.rulesets.phases.update(
        FIREWALL_PHASE, rules=[], zone_id=zone.id
    )
    assert "rules" not in emptied


async def test_pages(sandbox: Sandbox, official: Any) -> None:
    """The SDK reads one page after the other until one is empty."""
    zone = sandbox.state.zones[sandbox.zone_id]
    for number in range(7):
        zone.add_dns_record(DnsRecord("TXT", f"t{number}.example.com", '"a"'))
        sandbox.state.add_zone(f"zone{number}.example")
        sandbox.state.add_tunnel(f"tunnel{number}")
    for _ in range(6):
        await official.client_certificates.create(
            csr=csr_text(new_csr()[1]), validity_days=30, zone_id=zone.id
        )
    tunnels = official.zero_trust.tunnels.cloudflared
    lists = {
        "zones": official.zones.list(per_page=5),
        "dns_records": official.dns.records.list(zone_id=zone.id, per_page=5),
        "client_certificates": official.client_certificates.list(
            zone_id=zone.id, per_page=5
        ),
        "cfd_tunnel": tunnels.list(account_id=sandbox.account_id, per_page=5),
        "accounts": official.accounts.list(per_page=5),
    }
    expected = {
        "zones": 8,
        "dns_records": 12,
        "client_certificates": 6,
        "cfd_tunnel": 8,
        "accounts": 1,
    }
    for name, pages in lists.items():
        sandbox.journal.clear()
        ids = [item.id async for item in pages]
        assert len(set(ids)) == len(ids) == expected[name], name
        # One request per page, and one for the empty page at the end.
        assert len(sandbox.journal.requests) == -(-expected[name] // 5) + 1, name
    first = await official.zones.list(per_page=5)
    assert (len(first.result), first.has_next_page()) == (5, True)
    assert (first.result_info.page, first.result_info.per_page) == (1, 5)
    second = await first.get_next_page()
    assert {zone.id for zone in second.result}.isdisjoint(
        zone.id for zone in first.result
    )


async def test_raw_answers(sandbox: Sandbox, official: Any) -> None:
    """Headers, status and envelope are available below the SDK's models."""
    raw = await official.zones.with_raw_response.get(zone_id=sandbox.zone_id)
    assert raw.status_code == 200
    assert raw.headers["content-type"].partition(";")[0] == "application/json"
    assert raw.headers["ratelimit-policy"] == '"default";q=1200;w=300'
    assert raw.headers["cf-ray"]
    assert (await raw.parse()).name == "example.com"
    envelope = json.loads(await raw.text())
    assert envelope["success"] is True
    created_certificate = await official.client_certificates.with_raw_response.create(
        zone_id=sandbox.zone_id, csr=csr_text(new_csr()[1]), validity_days=30
    )
    assert created_certificate.status_code == 201
    async with official.zones.with_streaming_response.list() as streamed:
        assert json.loads(await streamed.text())["result_info"]["total_count"] == 1


async def test_errors(sandbox: Sandbox, official: Any) -> None:
    """Each refusal becomes the matching error of the SDK, with its codes."""
    zone, account = {"zone_id": sandbox.zone_id}, {"account_id": sandbox.account_id}
    tunnels = official.zero_trust.tunnels.cloudflared
    weak = official.with_options(api_token=sandbox.state.add_token(permissions=()))
    unknown = official.with_options(api_token="cfut_" + 40 * "x")
    malformed = official.with_options(api_token="not a token")
    refused: list[tuple[type[APIStatusError], int | None, Any]] = [
        (
            NotFoundError,
            1415,
            official.client_certificates.get("7bf7f70c-7600-42e1-81c4", **zone),
        ),
        (NotFoundError, 81044, official.dns.records.get("0" * 32, **zone)),
        (NotFoundError, 7003, official.zones.get(zone_id="0" * 32)),
        (ConflictError, 1013, tunnels.create(name="home", **account)),
        (
            BadRequestError,
            1056,
            tunnels.configurations.update(
                sandbox.tunnel_id, config={"ingress": []}, **account
            ),
        ),
        (
            BadRequestError,
            1004,
            official.dns.records.create(
                type="A", name="a", content="nonsense", ttl=1, **zone
            ),
        ),
        (PermissionDeniedError, 10000, weak.client_certificates.list(**zone)),
        (
            PermissionDeniedError,
            None,
            weak.rulesets.phases.get(FIREWALL_PHASE, **zone),
        ),
        (PermissionDeniedError, 9109, unknown.zones.list()),
        (AuthenticationError, 1000, unknown.user.tokens.verify()),
        (BadRequestError, 6003, malformed.zones.list()),
    ]
    for kind, code, asked in refused:
        with pytest.raises(kind) as refusal:
            await asked
        assert refusal.value.errors[0].code == code, refusal.value
        assert isinstance(refusal.value.body, dict)
        assert refusal.value.body["success"] is False
