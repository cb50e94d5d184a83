"""The edge, from a visitor's point of view."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
import ssl

from aiohttp import ClientError, WSMsgType, WSServerHandshakeError
from cryptography import x509
from cryptography.x509.oid import NameOID
import pytest

from sandbox import Sandbox
from sandbox.authority import Authority, new_server_key
from sandbox.state import (
    FIREWALL_PHASE,
    CertificateStatus,
    DnsRecord,
    Rule,
    Ruleset,
    TunnelStatus,
    now,
)

from .helpers import (
    HOME,
    NAS,
    Api,
    Identity,
    Origin,
    create_certificate,
    signed_by,
    visitor,
)

VERIFIED = "cf.tls_client_auth.cert_verified"
REVOKED = "cf.tls_client_auth.cert_revoked"


def protect(sandbox: Sandbox, expression: str | None = None) -> Rule:
    """Associate the hostname, and block requests that match an expression."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.associations = [HOME]
    rule = Rule(
        "block",
        expression
        or f'starts_with(lower(http.host), "{HOME}") and (not {VERIFIED} or {REVOKED})',
        ref="protect",
    )
    zone.rules.append(rule)
    return rule


async def status(
    sandbox: Sandbox, directory: Path, identity: Identity | None = None, host: str = ""
) -> int:
    """Visit the protected hostname, and return the status."""
    async with visitor(sandbox, directory, identity) as guest:
        headers = {"Host": host} if host else {}
        return (await guest.get(HOME, headers=headers)).status


@pytest.mark.usefixtures("origin")
@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_only_a_certificate_gets_in(
    sandbox: Sandbox, api: Api, tmp_path: Path, tls: ssl.TLSVersion
) -> None:
    """A visitor with a certificate gets in; one without gets the block page."""
    rule = protect(sandbox)
    _, identity = await create_certificate(api)

    async with visitor(sandbox, tmp_path, identity, tls) as guest:
        assert (await guest.get(HOME)).status == 200
    async with visitor(sandbox, tmp_path, tls=tls) as guest:
        response = await guest.get(HOME, "/secret?x=1", headers={"User-Agent": "App"})

    assert response.status == 403
    assert response.headers["Server"] == "cloudflare"
    assert response.headers["CF-RAY"].endswith("-FRA")
    assert "CF-Cache-Status" not in response.headers
    assert response.content_type == "text/html"
    assert "Attention Required! | Cloudflare" in await response.text()
    [blocked] = sandbox.state.blocked
    assert (blocked.rule_id, blocked.ref, blocked.host) == (rule.id, "protect", HOME)
    assert (blocked.path, blocked.user_agent) == ("/secret", "App")
    assert (blocked.country, blocked.action) == ("DE", "block")


@pytest.mark.usefixtures("origin")
async def test_revoked_stays_verified(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """Only a rule that checks cert_revoked stops a revoked certificate."""
    rule = protect(sandbox)
    created, identity = await create_certificate(api)
    path = f"/zones/{{zone}}/client_certificates/{created['id']}"
    await api.request("DELETE", path)

    assert await status(sandbox, tmp_path, identity) == 403
    rule.expression = f'http.host eq "{HOME}" and not {VERIFIED}'
    assert await status(sandbox, tmp_path, identity) == 200
    rule.expression = f'http.host eq "{HOME}" and {REVOKED}'
    assert await status(sandbox, tmp_path, identity) == 403
    await api.request("PATCH", path, {"reactivate": True})
    assert await status(sandbox, tmp_path, identity) == 200


@pytest.mark.usefixtures("origin")
async def test_certificates_of_another_zone_of_the_account(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """Certificates and revocations apply to all zones of the account."""
    protect(sandbox)
    other = sandbox.state.add_zone("example.net")
    _, identity = await create_certificate(api, zone_id=other.id)

    assert await status(sandbox, tmp_path, identity) == 200
    [record] = other.certificates.values()
    record.status = CertificateStatus.REVOKED
    assert await status(sandbox, tmp_path, identity) == 403


@pytest.mark.parametrize(
    "flaw", ["expired", "not yet valid", "foreign", "other account"]
)
async def test_unverified_certificates_complete_the_handshake(
    sandbox: Sandbox, tmp_path: Path, flaw: str
) -> None:
    """The rules decide on certificates that do not verify."""
    presented = "cf.tls_client_auth.cert_presented"
    protect(sandbox, f"{presented} and not {VERIFIED}")
    own = await sandbox.authorities.get(sandbox.account_id)
    day = timedelta(days=1)
    match flaw:
        case "expired":
            identity = signed_by(own, now() - 2 * day, now() - day)
        case "not yet valid":
            identity = signed_by(own, now() + day, now() + 2 * day)
        case "foreign":
            name = x509.NameAttribute(NameOID.COMMON_NAME, "Somebody's CA")
            identity = signed_by(Authority.create(x509.Name([name]), new_server_key()))
        case _:
            account = sandbox.state.add_account()
            identity = signed_by(await sandbox.authorities.get(account.id))

    assert await status(sandbox, tmp_path, identity) == 403
    assert len(sandbox.state.blocked) == 1


@pytest.mark.usefixtures("origin")
async def test_a_certificate_is_only_asked_for_where_associated(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """On other hostnames the edge does not ask, so a client sends no certificate."""
    protect(sandbox)
    _, identity = await create_certificate(api)
    sandbox.state.zones[sandbox.zone_id].associations = [NAS]

    assert await status(sandbox, tmp_path, identity) == 403


async def test_fields_of_a_certificate(
    sandbox: Sandbox, api: Api, tmp_path: Path
) -> None:
    """The fields have the documented values."""
    created, identity = await create_certificate(api)
    authority = await sandbox.authorities.get(sandbox.account_id)
    serial = f"{int(created['serial_number']):X}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    issuer_ski = authority.certificate.extensions.get_extension_for_class(
        x509.SubjectKeyIdentifier
    ).value.digest.hex()
    expected = {
        "cert_fingerprint_sha256": created["fingerprint_sha256"],
        "cert_serial": serial,
        "cert_ski": created["ski"].upper(),
        "cert_issuer_ski": issuer_ski.upper(),
        "cert_subject_dn": "OU=01J0DEVICE,O=Home Assistant,CN=Phone",
        "cert_subject_dn_legacy": "/CN=Phone/O=Home Assistant/OU=01J0DEVICE",
    }
    protect(
        sandbox,
        " and ".join(
            f'cf.tls_client_auth.{field} eq "{value}"'
            for field, value in expected.items()
        ),
    )

    assert await status(sandbox, tmp_path, identity) == 403
    assert await status(sandbox, tmp_path) == 502


@pytest.mark.parametrize("keeps_port", [True, False])
@pytest.mark.parametrize(
    ("sent", "seen_with_port", "seen_without_port"),
    [
        (HOME, 403, 403),
        (f"{HOME}:8443", 502, 403),
        (f"{HOME}.", 502, 502),
        ("HOME.example.com", 502, 502),
    ],
)
async def test_host_with_port_or_dot(
    tmp_path: Path,
    sent: str,
    seen_with_port: int,
    seen_without_port: int,
    keeps_port: bool,
) -> None:
    """A rule that compares the host can miss requests that still reach an origin."""
    async with Sandbox(host_keeps_port=keeps_port) as sandbox:
        protect(sandbox, f'http.host eq "{HOME}"')
        expected = seen_with_port if keeps_port else seen_without_port
        assert await status(sandbox, tmp_path, host=sent) == expected


@pytest.mark.parametrize("sent", [f"{HOME}:8443", f"{HOME}.", "HOME.example.com"])
async def test_starts_with_matches_every_form(
    sandbox: Sandbox, tmp_path: Path, sent: str
) -> None:
    """The integration's expression matches every form of the hostname."""
    protect(sandbox)
    assert await status(sandbox, tmp_path, host=sent) == 403


def _disable(rules: list[Rule]) -> None:
    rules[0].enabled = False


def _skip_first(rules: list[Rule]) -> None:
    rules.insert(0, Rule("skip", "ssl", action_parameters={"ruleset": "current"}))


def _skip_phase_first(rules: list[Rule]) -> None:
    rules.insert(0, Rule("skip", "ssl", action_parameters={"phase": "current"}))


def _skip_last(rules: list[Rule]) -> None:
    rules.append(Rule("skip", "ssl", action_parameters={"ruleset": "current"}))


def _skip_products(rules: list[Rule]) -> None:
    rules.insert(0, Rule("skip", "ssl", action_parameters={"products": ["bic"]}))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_disable, 502),
        (_skip_first, 502),
        (_skip_phase_first, 502),
        (_skip_last, 403),
        (_skip_products, 403),
    ],
)
async def test_order_of_rules(
    sandbox: Sandbox,
    tmp_path: Path,
    change: Callable[[list[Rule]], None],
    expected: int,
) -> None:
    """Rules run in order until one skips the rest of the ruleset."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.rulesets.clear()
    rules = zone.add_ruleset(Ruleset(FIREWALL_PHASE, [Rule("block", "ssl")])).rules
    change(rules)
    assert await status(sandbox, tmp_path) == expected


async def test_challenges_stop(sandbox: Sandbox, tmp_path: Path) -> None:
    """A challenge stops a visitor, because it cannot be solved here."""
    protect(sandbox, "ssl").action = "managed_challenge"
    async with visitor(sandbox, tmp_path) as guest:
        response = await guest.get(HOME)
    assert response.status == 403
    assert response.headers["cf-mitigated"] == "challenge"


async def test_paths_are_normalised_for_rules(sandbox: Sandbox, tmp_path: Path) -> None:
    """Another form of a path does not bypass a rule."""
    protect(sandbox, 'not starts_with(http.request.uri.path, "/api/webhook/")')
    request = (
        f"GET /api/webhook/../%63onfig HTTP/1.1\r\nHost: {HOME}\r\n"
        "Connection: close\r\n\r\n"
    )
    answer = await _raw(sandbox, request.encode())
    assert answer.startswith(b"HTTP/1.1 403")


@pytest.mark.usefixtures("origin")
async def test_requests_reach_the_origin(sandbox: Sandbox, tmp_path: Path) -> None:
    """Method, path, body and headers reach the origin, with Cloudflare's own headers."""
    async with visitor(sandbox, tmp_path) as guest:
        response = await guest.request(
            "PUT",
            HOME,
            "/a%20b?c=d",
            data=b"x" * 3_000_000,
            headers={"X-Mine": "1", "X-Forwarded-For": "192.0.2.1"},
        )
        seen = await response.json()

    assert (seen["method"], seen["path"], seen["size"]) == (
        "PUT",
        "/a%20b?c=d",
        3_000_000,
    )
    assert seen["headers"]["Host"] == HOME
    assert seen["headers"]["X-Mine"] == "1"
    assert seen["headers"]["X-Forwarded-For"] == "192.0.2.1,203.0.113.24"
    assert seen["headers"]["X-Forwarded-Proto"] == "https"
    assert seen["headers"]["CF-Connecting-IP"] == "203.0.113.24"
    assert seen["headers"]["CF-IPCountry"] == "DE"
    assert response.headers["CF-RAY"] == seen["headers"]["CF-Ray"]
    assert response.headers["Server"] == "cloudflare"
    assert response.headers["CF-Cache-Status"] == "DYNAMIC"
    assert response.headers["Set-Cookie"] == "a=1"


@pytest.mark.usefixtures("origin")
async def test_chunked_bodies_and_head(sandbox: Sandbox, tmp_path: Path) -> None:
    """Bodies of unknown length are streamed; the answer to HEAD has no body."""
    async with visitor(sandbox, tmp_path) as guest:

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield b"y" * 50_000

        response = await guest.request("POST", HOME, data=chunks())
        assert (await response.json())["size"] == 2_500_000
        response = await guest.request("HEAD", HOME)
        assert (response.status, response.content_type) == (200, "application/json")


@pytest.mark.usefixtures("origin")
async def test_incomplete_answers(sandbox: Sandbox, tmp_path: Path) -> None:
    """If an origin aborts its answer, the visitor's connection is aborted too."""
    async with visitor(sandbox, tmp_path) as guest:
        with pytest.raises(ClientError):
            await guest.get(HOME, "/broken")


async def test_slow_visitors_slow_the_origin_down(
    sandbox: Sandbox, origin: Origin, tmp_path: Path
) -> None:
    """Back pressure passes through the edge, and no data is lost."""
    async with (
        visitor(sandbox, tmp_path) as guest,
        guest.session.get(guest.url(HOME, "/flood")) as response,
    ):
        await asyncio.sleep(0.5)
        assert origin.sent_megabytes < 32
        assert len(await response.read()) == 64 * 2**20


@pytest.mark.usefixtures("origin")
async def test_websockets_pass(sandbox: Sandbox, tmp_path: Path) -> None:
    """Messages, pings, the subprotocol and close codes are forwarded."""
    async with (
        visitor(sandbox, tmp_path) as guest,
        guest.session.ws_connect(
            guest.url(HOME, "/api/websocket"), protocols=("ha",), autoping=False
        ) as socket,
    ):
        assert socket.protocol == "ha"
        await socket.send_str("hello")
        assert await socket.receive_str() == "echo hello"
        await socket.send_bytes(b"\x00" * 200_000)
        assert await socket.receive_bytes() == b"\x00" * 200_000
        await socket.ping(b"are you there")
        answer = await socket.receive()
        assert (answer.type, answer.data) == (WSMsgType.PONG, b"are you there")
        await socket.send_str("close")
        ending = await socket.receive()
        assert (ending.type, ending.data, ending.extra) == (
            WSMsgType.CLOSE,
            4001,
            "as told",
        )


@pytest.mark.usefixtures("origin")
async def test_websockets_are_blocked(sandbox: Sandbox, tmp_path: Path) -> None:
    """A rule stops a WebSocket before it opens."""
    protect(sandbox)
    async with visitor(sandbox, tmp_path) as guest:
        with pytest.raises(WSServerHandshakeError) as refusal:
            await guest.session.ws_connect(guest.url(HOME, "/api/websocket"))
    assert refusal.value.status == 403


async def test_no_way_to_an_origin(sandbox: Sandbox, tmp_path: Path) -> None:
    """Without a DNS record, tunnel, ingress rule or origin, the edge itself answers."""
    zone = sandbox.state.zones[sandbox.zone_id]
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    async with visitor(sandbox, tmp_path) as guest:

        async def answer(host: str) -> tuple[int, str]:
            response = await guest.get(host)
            return response.status, await response.text()

        code, text = await answer("nowhere.example.com")
        assert (code, "Error 1016" in text) == (530, True)
        assert (await answer("vpn.example.com"))[0] == 530
        assert (await answer(HOME))[0] == 502

        target = f"{tunnel.id}.cfargotunnel.com"
        zone.add_dns_record(DnsRecord("CNAME", "*.example.com", target, proxied=True))
        assert (await answer("anything.example.com"))[0] == 404

        tunnel.status = TunnelStatus.DOWN
        code, text = await answer(HOME)
        assert (code, "Error 1033" in text) == (530, True)


@pytest.mark.usefixtures("origin")
async def test_ingress_rules(sandbox: Sandbox, tmp_path: Path) -> None:
    """The first ingress rule whose hostname and path match is used."""
    [service] = sandbox.state.origins
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    tunnel.config = {
        "ingress": [
            {"hostname": HOME, "path": "^/gone", "service": "http_status:410"},
            {
                "hostname": "*.example.com",
                "service": service,
                "originRequest": {"httpHostHeader": "inside"},
            },
            {"service": "http_status:404"},
        ]
    }
    async with visitor(sandbox, tmp_path) as guest:
        assert (await guest.get(HOME, "/gone/x")).status == 410
        response = await guest.get(HOME, "/not/gone")
        assert (await response.json())["headers"]["Host"] == "inside"


@pytest.mark.usefixtures("origin")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_sessions_are_never_resumed(
    sandbox: Sandbox, api: Api, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """The edge resumes no TLS session, so every connection sends its certificate."""
    protect(sandbox)
    _, identity = await create_certificate(api)
    context = ssl.create_default_context(cafile=sandbox.edge_ca_file)
    context.maximum_version = version
    identity.load_into(context, tmp_path)
    session: ssl.SSLSession | None = None
    for _ in range(2):
        reader, writer = await asyncio.open_connection(
            sandbox.edge_host, sandbox.edge_port
        )
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(
            incoming, outgoing, server_hostname=HOME, session=session
        )
        done = False
        while not done:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65536))
        request = f"GET / HTTP/1.1\r\nHost: {HOME}\r\nUser-Agent: raw\r\n\r\n"
        tls.write(request.encode())
        writer.write(outgoing.read())
        answer = b""
        while not answer:
            incoming.write(await reader.read(65536))
            try:
                answer = tls.read(65536)
            except ssl.SSLWantReadError:
                continue
        assert answer.startswith(b"HTTP/1.1 200")
        assert not tls.session_reused
        session = tls.session
        writer.close()
        await writer.wait_closed()


async def test_what_is_not_tls_is_dropped(sandbox: Sandbox) -> None:
    """The edge closes a connection that sends plain HTTP."""
    reader, writer = await asyncio.open_connection(sandbox.edge_host, sandbox.edge_port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(5):
        while await reader.read(1024):
            pass
    writer.close()


async def test_stopping_leaves_no_task(origin: Origin, tmp_path: Path) -> None:
    """Idle, unfinished and busy connections all close at once with the sandbox."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(3), AsyncExitStack() as stack:
        async with Sandbox(origin=origin.url) as sandbox:
            _, silent = await asyncio.open_connection(
                sandbox.edge_host, sandbox.edge_port
            )
            guest = await stack.enter_async_context(visitor(sandbox, tmp_path))
            await guest.get(HOME)
            socket = await guest.session.ws_connect(guest.url(HOME, "/api/websocket"))
        assert (await socket.receive()).type is WSMsgType.CLOSED
        silent.close()
    await asyncio.sleep(0.05)
    assert {task.get_name() for task in asyncio.all_tasks() - before} == set()
    assert not Path(sandbox.edge_ca_file).exists()


async def _raw(sandbox: Sandbox, request: bytes) -> bytes:
    context = ssl.create_default_context(cafile=sandbox.edge_ca_file)
    reader, writer = await asyncio.open_connection(
        sandbox.edge_host, sandbox.edge_port, ssl=context, server_hostname=HOME
    )
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer
