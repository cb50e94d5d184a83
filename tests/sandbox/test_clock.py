"""The clock, and changes that take effect later."""

from datetime import timedelta
from pathlib import Path

import pytest

from sandbox import Sandbox
from sandbox.clock import Delays, now

from .helpers import HOME, NAS, Api, Identity, create_certificate, visitor
from .test_control import control

CERTIFICATES = "/zones/{zone}/client_certificates"
ASSOCIATIONS = "/zones/{zone}/certificate_authorities/hostname_associations"
REVOKED = "cf.tls_client_auth.cert_revoked"
VERIFIED = "cf.tls_client_auth.cert_verified"


async def status(sandbox: Sandbox, directory: Path, identity: Identity) -> int:
    """Visit the associated host with a certificate, and return the status."""
    async with visitor(sandbox, directory, identity) as guest:
        return (await guest.get(NAS)).status


def block(sandbox: Sandbox, expression: str) -> None:
    """Let the only rule block by an expression."""
    [rule] = sandbox.state.zones[sandbox.zone_id].rules
    rule.expression = expression


async def test_time_moves_on(sandbox: Sandbox, api: Api) -> None:
    """The time can be moved from Python and over HTTP; a new sandbox resets it."""
    start = now()
    sandbox.clock.advance(timedelta(days=1))
    await control(api, "POST", "/clock", {"advance": 3600})
    assert timedelta(0) <= now() - start - timedelta(hours=25) < timedelta(minutes=1)
    tunnel = sandbox.state.add_tunnel("new")
    assert tunnel.created_at > start + timedelta(days=1)
    Sandbox()
    assert now() - start < timedelta(minutes=1)


async def test_certificates_age(sandbox: Sandbox, api: Api, tmp_path: Path) -> None:
    """Client certificates expire; the edge's own certificate stays valid."""
    block(sandbox, f"not {VERIFIED}")
    created, identity = await create_certificate(api)
    assert await status(sandbox, tmp_path, identity) == 502
    sandbox.clock.advance(timedelta(days=366))
    assert await status(sandbox, tmp_path, identity) == 403
    renewed, identity = await create_certificate(api)
    assert renewed["issued_on"] > created["expires_on"]
    sandbox.state.add_zone("example.net")
    assert await status(sandbox, tmp_path, identity) == 502
    async with visitor(sandbox, tmp_path) as guest:
        assert (await guest.get("example.net")).status == 530


async def test_revocation_takes_time(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """The status changes after one delay, the edge after another."""
    block(sandbox, REVOKED)
    created, identity = await create_certificate(api)
    path = f"{CERTIFICATES}/{created['id']}"
    sandbox.state.delays = Delays(revocation=120, enforcement=60)

    await api.request("DELETE", path)
    assert (await api.get(path)).result["status"] == "pending_revocation"
    assert await status(sandbox, tmp_path, identity) == 502
    sandbox.clock.advance(timedelta(seconds=61))
    assert (await api.get(path)).result["status"] == "pending_revocation"
    assert await status(sandbox, tmp_path, identity) == 403
    sandbox.clock.advance(timedelta(seconds=61))
    assert (await api.get(path)).result["status"] == "revoked"

    await api.request("PATCH", path, {"reactivate": True})
    assert (await api.get(path)).result["status"] == "pending_reactivation"
    assert await status(sandbox, tmp_path, identity) == 403
    sandbox.clock.advance(timedelta(seconds=121))
    assert (await api.get(path)).result["status"] == "active"
    assert await status(sandbox, tmp_path, identity) == 502


async def test_reactivation_during_a_revocation(sandbox: Sandbox, api: Api) -> None:
    """The end of a pending revocation does not undo a later reactivation."""
    created, _ = await create_certificate(api)
    path = f"{CERTIFICATES}/{created['id']}"
    sandbox.state.delays = Delays(revocation=100)
    await api.request("DELETE", path)
    sandbox.clock.advance(timedelta(seconds=50))
    await api.request("PATCH", path, {"reactivate": True})
    for expected in ("pending_reactivation", "active"):
        sandbox.clock.advance(timedelta(seconds=60))
        assert (await api.get(path)).result["status"] == expected


async def test_lists_lag(sandbox: Sandbox, api: Api) -> None:
    """A new certificate can be read by its id before it is listed."""
    sandbox.state.delays = Delays(certificate_list=60)
    created, _ = await create_certificate(api)
    assert (await api.get(f"{CERTIFICATES}/{created['id']}")).status == 200
    assert (await api.get(CERTIFICATES, status="all")).result == []
    sandbox.clock.advance(timedelta(seconds=61))
    assert len((await api.get(CERTIFICATES)).result) == 1


async def test_associations_are_read_stale(sandbox: Sandbox, api: Api) -> None:
    """A write reaches the edge at once, but reads show it later, one write after the other."""
    sandbox.state.delays = Delays(associations=60)
    for hostnames in ([NAS, HOME], [HOME]):
        answer = await api.request("PUT", ASSOCIATIONS, {"hostnames": hostnames})
        assert answer.result["hostnames"] == hostnames
        assert (await api.get(ASSOCIATIONS)).result["hostnames"] == [NAS]
        sandbox.clock.advance(timedelta(seconds=30))
    assert sandbox.state.zones[sandbox.zone_id].associations == [HOME]
    sandbox.clock.advance(timedelta(seconds=1))
    assert (await api.get(ASSOCIATIONS)).result["hostnames"] == [NAS, HOME]
    sandbox.clock.advance(timedelta(seconds=30))
    assert (await api.get(ASSOCIATIONS)).result["hostnames"] == [HOME]


async def test_new_tokens_are_unreliable(sandbox: Sandbox, api: Api) -> None:
    """At first, every second call with a new token is refused."""
    sandbox.state.delays = Delays(new_token=30)
    fresh = api.with_token(sandbox.state.add_token())
    replies = [await fresh.get("/zones") for _ in range(4)]
    assert [reply.status for reply in replies] == [403, 200, 403, 200]
    assert replies[0].code == 10001
    sandbox.clock.advance(timedelta(seconds=31))
    assert [(await fresh.get("/zones")).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("path", ["/user/tokens/verify", "/zones"])
async def test_validity_of_tokens(sandbox: Sandbox, api: Api, path: str) -> None:
    """A token is disabled before its validity and expired after it."""
    start = now()
    token = sandbox.state.add_token(
        not_before=start + timedelta(days=1), expires_on=start + timedelta(days=3)
    )
    client = api.with_token(token)
    for expected in ("disabled", "active", "active", "expired"):
        reply = await client.get(path)
        if path == "/zones":
            assert reply.status == (200 if expected == "active" else 403)
        else:
            assert reply.result["status"] == expected
            assert {"not_before", "expires_on"} <= reply.result.keys()
        sandbox.clock.advance(timedelta(days=1, seconds=1))


async def test_delays_over_http(sandbox: Sandbox, api: Api) -> None:
    """Delays can be set one by one, or all to realistic values."""
    delays = await control(api, "POST", "/delays", {"revocation": 5})
    assert (delays["revocation"], delays["associations"]) == (5, 0)
    delays = await control(api, "POST", "/delays", {"realistic": True, "events": 1})
    assert (delays["revocation"], delays["events"]) == (120, 1)
    assert sandbox.state.delays.associations == 60
