"""Visits to the edge: what counts as blocked, and that no misbehaving server can fake it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
import logging
import os
from pathlib import Path
import socket
import ssl
import tempfile
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
import pytest

from custom_components.cloudflare_mtls.engine import probe
from custom_components.cloudflare_mtls.engine.probe import (
    Answer,
    Enforcement,
    Probe,
    Verdict,
)
from sandbox import Sandbox
from sandbox.authority import Authority, edge_authority, new_server_key
from sandbox.seed import SERVICE
from sandbox.state import Rule, TunnelStatus
from tests.sandbox.helpers import Identity, signed_by

type Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HOME = "home.example.com"
STRANGERS = "(not cf.tls_client_auth.cert_verified or cf.tls_client_auth.cert_revoked)"

RAY = "CF-RAY: 72c77ad49d4ebb83-FRA"
CLOUDFLARE = ("Server: cloudflare", RAY)
FETCHED = "CF-Cache-Status: DYNAMIC"
# Recorded: the page of a custom rule that blocks.
BLOCKED = (
    "<title>Attention Required! | Cloudflare</title>"
    '<h1 data-translate="block_headline">Sorry, you have been blocked</h1>'
)
OUTAGE = "<center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center>"
HEAD = "HTTP/1.1 403 Forbidden\r\nServer: cloudflare\r\n"


def answer(status: str, *headers: str, body: str = "") -> bytes:
    """Return an HTTP answer."""
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", body)).encode()


@pytest.fixture
def at_the_sandbox(sandbox: Sandbox) -> Probe:
    """Return a probe of the sandbox's edge."""
    return Probe(
        asyncio.to_thread,
        address=(sandbox.edge_host, sandbox.edge_port),
        ca_file=sandbox.edge_ca_file,
    )


@pytest.fixture
def rule(sandbox: Sandbox) -> Rule:
    """Let only devices with a good certificate in, and return the rule for it."""
    zone = sandbox.state.zones[sandbox.zone_id]
    zone.associations = [HOME]
    rule = Rule("block", f'starts_with(http.host, "{HOME}") and {STRANGERS}')
    zone.rules.append(rule)
    return rule


@asynccontextmanager
async def serving(
    handler: Handler | bytes, context: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Run a server that answers every request the same, and return its port."""
    conversations: set[asyncio.Task[Any] | None] = set()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        conversations.add(asyncio.current_task())
        with suppress(ConnectionError, ssl.SSLError, EOFError):
            if isinstance(handler, bytes):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(handler)
                await writer.drain()
            else:
                await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()
    server.abort_clients()
    for conversation in filter(None, conversations):
        conversation.cancel()
        await asyncio.wait({conversation})


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Return the authority that signs certificates for servers in place of the edge."""
    return edge_authority()


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """Return the TLS settings of a server for the zone, and the file of its authority."""
    key = new_server_key()
    certificate = authority.sign_server("example.com", key.public_key())
    file, ca_file = tmp_path / "server.pem", tmp_path / "ca.pem"
    file.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    ca_file.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context, str(ca_file)


@pytest.fixture
def visit(
    socket_enabled: None, tls: tuple[ssl.SSLContext, str]
) -> Callable[[Handler | bytes], Awaitable[Enforcement]]:
    """Return a function that visits a server in place of the edge."""

    async def visit(handler: Handler | bytes) -> Enforcement:
        context, ca_file = tls
        async with serving(handler, context) as port:
            visitor = Probe(
                asyncio.to_thread, address=("127.0.0.1", port), ca_file=ca_file
            )
            return await visitor.without_certificate(HOME)

    return visit


type Visit = Callable[[Handler | bytes], Awaitable[Enforcement]]


async def create_identity(sandbox: Sandbox) -> Identity:
    """Return a certificate that the account's own authority signed."""
    return signed_by(await sandbox.authorities.get(sandbox.account_id))


def pem(identity: Identity) -> str:
    """Return the certificate as Cloudflare hands it out."""
    return identity.certificate.public_bytes(Encoding.PEM).decode()


async def visit_with(probe: Probe, identity: Identity) -> Verdict:
    """Visit with a certificate."""
    return (await probe.with_certificate(HOME, identity.key, pem(identity))).verdict


async def test_blocked_on_every_port(
    sandbox: Sandbox, at_the_sandbox: Probe, rule: Rule
) -> None:
    """Each port is visited with its own Host header, and the visitor says who it is."""
    met = await at_the_sandbox.without_certificate(HOME)

    refused = Answer(status=403, verdict=Verdict.BLOCKED)
    assert met == Enforcement(answers={443: refused, 8443: refused})
    assert met.enforced is True
    assert {(item.host, item.path) for item in sandbox.state.blocked} == {
        (HOME, "/"),
        (f"{HOME}:8443", "/"),
    }
    assert {item.user_agent for item in sandbox.state.blocked} == {
        "HomeAssistant cloudflare_mtls"
    }


async def test_rule_that_misses_the_other_ports(
    at_the_sandbox: Probe, rule: Rule
) -> None:
    """One open port is enough to get in."""
    rule.expression = f'http.host eq "{HOME}" and {STRANGERS}'

    met = await at_the_sandbox.without_certificate(HOME)

    assert met.answers[443].verdict is Verdict.BLOCKED
    assert met.answers[8443].verdict is Verdict.NO_ORIGIN
    assert met.enforced is False


@pytest.mark.parametrize(
    ("change", "status", "verdict", "enforced"),
    [
        ({"action": "managed_challenge"}, 403, Verdict.CHALLENGED, None),
        ({"enabled": False}, 502, Verdict.NO_ORIGIN, False),
    ],
)
async def test_other_rules(
    at_the_sandbox: Probe,
    rule: Rule,
    change: dict[str, Any],
    status: int,
    verdict: Verdict,
    enforced: bool | None,
) -> None:
    """A challenge stops some visitors only; without a rule everybody gets past."""
    for name, value in change.items():
        setattr(rule, name, value)

    met = await at_the_sandbox.without_certificate(HOME)

    assert met.answers[443] == Answer(status=status, verdict=verdict)
    assert met.enforced is enforced


@pytest.mark.parametrize(
    "said",
    [
        answer("200 OK", body="<home-assistant>"),
        answer("302 Found", "Location: /onboarding.html"),
        answer("400 Bad Request", body="400: Bad Request"),
        answer("403 Forbidden", body="403: Forbidden"),
        answer("403 Forbidden", "Content-Type: text/html", body=BLOCKED),
        answer("403 Forbidden", "cf-mitigated: challenge", body=BLOCKED),
        answer("404 Not Found"),
        answer("500 Internal Server Error"),
        answer("503 Service Unavailable"),
    ],
    ids=lambda said: said.split(b"\r\n")[0].decode(),
)
async def test_origin_that_answers(
    sandbox: Sandbox, at_the_sandbox: Probe, said: bytes
) -> None:
    """Any answer of the origin shows that the request got there, even in Cloudflare's words."""
    async with serving(said) as port:
        sandbox.state.origins[SERVICE] = f"http://127.0.0.1:{port}"
        met = await at_the_sandbox.without_certificate(HOME)

    assert {item.verdict for item in met.answers.values()} == {Verdict.LET_IN}
    assert met.answers[443].status == int(said.split()[1])
    assert met.enforced is False


async def test_nobody_behind_the_edge(sandbox: Sandbox, at_the_sandbox: Probe) -> None:
    """The request passed the rules, although no origin answered."""
    tunnel = sandbox.state.tunnels[sandbox.tunnel_id]
    for status, verdict in ((502, Verdict.NO_ORIGIN), (404, Verdict.LET_IN)):
        met = await at_the_sandbox.without_certificate(HOME)
        assert met.answers[443] == Answer(status=status, verdict=verdict)
        assert tunnel.config
        tunnel.config["ingress"] = [{"service": "http_status:404"}]

    tunnel.status = TunnelStatus.DOWN
    met = await at_the_sandbox.without_certificate(HOME)
    assert met.answers[443] == Answer(status=530, verdict=Verdict.NO_ORIGIN)
    assert met.enforced is False


async def test_good_certificate(
    sandbox: Sandbox, at_the_sandbox: Probe, rule: Rule
) -> None:
    """It passes the rule that stops everybody else, and the next visit does not send it."""
    identity = await create_identity(sandbox)

    assert await visit_with(at_the_sandbox, identity) is Verdict.NO_ORIGIN
    assert (await at_the_sandbox.without_certificate(HOME)).enforced is True
    async with serving(answer("200 OK")) as port:
        sandbox.state.origins[SERVICE] = f"http://127.0.0.1:{port}"
        assert await visit_with(at_the_sandbox, identity) is Verdict.LET_IN


async def test_certificates_that_are_no_good(
    sandbox: Sandbox, at_the_sandbox: Probe, rule: Rule
) -> None:
    """A certificate of another authority, or where Cloudflare asks for none, is blocked."""
    assert await visit_with(at_the_sandbox, signed_by(edge_authority())) is (
        Verdict.BLOCKED
    )
    sandbox.state.zones[sandbox.zone_id].associations = []
    assert (
        await visit_with(at_the_sandbox, await create_identity(sandbox))
        is Verdict.BLOCKED
    )


async def test_key_of_another_certificate(
    sandbox: Sandbox, at_the_sandbox: Probe, rule: Rule
) -> None:
    """Without a usable certificate there is no visit."""
    one, other = await create_identity(sandbox), await create_identity(sandbox)

    met = await at_the_sandbox.with_certificate(HOME, one.key, pem(other))

    assert met == Answer(status=None, verdict=Verdict.UNREACHABLE)
    assert sandbox.state.blocked == []


async def test_machine_without_files_in_memory(
    sandbox: Sandbox,
    at_the_sandbox: Probe,
    rule: Rule,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is no visit, because it would write the key to a disk."""
    identity = await create_identity(sandbox)
    monkeypatch.delattr(os, "memfd_create")

    assert await visit_with(at_the_sandbox, identity) is Verdict.UNREACHABLE
    assert sandbox.state.blocked == []


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(lambda: rsa.generate_private_key(65537, 2048), id="RSA"),
        pytest.param(lambda: ec.generate_private_key(ec.SECP256R1()), id="EC"),
    ],
)
async def test_key_and_password_stay_in_memory(
    sandbox: Sandbox,
    at_the_sandbox: Probe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    key: Callable[[], Any],
) -> None:
    """The key is encrypted, in a file without a name, which is gone afterwards."""
    for name in ("", *logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, name)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    private = key()
    authority = await sandbox.authorities.get(sandbox.account_id)
    identity = signed_by(authority)
    shown: list[tuple[str, str, bytes, bytes]] = []

    def load(self: ssl.SSLContext, path: str, *, password: bytes) -> None:
        shown.append(
            (path, str(Path(path).readlink()), Path(path).read_bytes(), password)
        )

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    await at_the_sandbox.with_certificate(HOME, private, pem(identity))

    [(path, target, content, password)] = shown
    assert target.startswith("/memfd:")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    assert content.count(b"PRIVATE KEY") == 2
    opened = load_pem_private_key(content, password)
    assert opened.public_key() == private.public_key()
    with pytest.raises(ValueError, match="."):
        load_pem_private_key(content, b"another")
    assert not Path(path).exists() or not str(Path(path).readlink()).startswith(
        "/memfd:"
    )
    assert list(tmp_path.iterdir()) == []
    plain = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    everything = caplog.text + "".join(f"{vars(item)}" for item in caplog.records)
    for secret in (password.decode(), plain.decode().splitlines()[1], "PRIVATE KEY"):
        assert secret not in everything

    await at_the_sandbox.with_certificate(HOME, private, pem(identity))
    assert shown[1][3] != password


@pytest.mark.parametrize("hostname", ["nobody.example.net", "a.b.example.com"])
async def test_certificate_for_another_name(
    at_the_sandbox: Probe, hostname: str
) -> None:
    """An answer counts only from a server with a certificate for the hostname."""
    met = await at_the_sandbox.without_certificate(hostname)

    assert {item.verdict for item in met.answers.values()} == {Verdict.UNREACHABLE}
    assert met.enforced is None


async def test_authority_that_the_system_does_not_know(
    sandbox: Sandbox, rule: Rule
) -> None:
    """Without `ca_file`, the authorities of the system count."""
    visitor = Probe(asyncio.to_thread, address=(sandbox.edge_host, sandbox.edge_port))

    assert (await visitor.without_certificate(HOME)).enforced is None
    assert (
        await visit_with(visitor, await create_identity(sandbox)) is Verdict.UNREACHABLE
    )
    assert sandbox.state.blocked == []


async def test_nobody_listens(socket_enabled: None, unused_tcp_port: int) -> None:
    """A refused connection says nothing about the rules."""
    visitor = Probe(asyncio.to_thread, address=("127.0.0.1", unused_tcp_port))

    met = await visitor.without_certificate(HOME)

    nobody = Answer(status=None, verdict=Verdict.UNREACHABLE)
    assert met == Enforcement(answers={443: nobody, 8443: nobody})


async def test_name_is_looked_up(
    sandbox: Sandbox, rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `address`, the hostname itself is visited, on its own ports."""
    asked: list[tuple[str, int]] = []

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append((host, port))
        address = (sandbox.edge_host, sandbox.edge_port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    visitor = Probe(asyncio.to_thread, ca_file=sandbox.edge_ca_file)

    assert (await visitor.without_certificate(HOME)).enforced is True
    assert sorted(asked) == [(HOME, 443), (HOME, 8443)]


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label")]
)
async def test_name_that_does_not_exist(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The name has no address, or is not a valid name."""

    def look_up(*_: Any, **__: Any) -> list[Any]:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    assert (await Probe(asyncio.to_thread).without_certificate(HOME)).enforced is None


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        # Blocked, for no other possible reason.
        (answer("403 Forbidden", *CLOUDFLARE, body=BLOCKED), Verdict.BLOCKED),
        (answer("403 ", "server:CLOUDFLARE", RAY, body=BLOCKED), Verdict.BLOCKED),
        (answer("403 No", *CLOUDFLARE, body="error code: 1020"), Verdict.BLOCKED),
        (
            answer("403 No", *CLOUDFLARE, body='<span class="cf-error-code">1020<'),
            Verdict.BLOCKED,
        ),
        (
            answer(
                "403 Forbidden",
                *CLOUDFLARE,
                "Transfer-Encoding: chunked",
                body="14\r\n<h1>Sorry, you have \r\n0d\r\nbeen blocked</\r\n0\r\n\r\n",
            ),
            Verdict.BLOCKED,
        ),
        # An origin can say the same, but a header shows that it was asked.
        (answer("403 No", *CLOUDFLARE, FETCHED, body=BLOCKED), Verdict.LET_IN),
        (answer("403 Forbidden", *CLOUDFLARE, FETCHED), Verdict.LET_IN),
        (answer("400 Bad Request", *CLOUDFLARE, FETCHED), Verdict.LET_IN),
        (answer("301 Moved", *CLOUDFLARE, FETCHED, "Location: /"), Verdict.LET_IN),
        (
            answer("403 No", *CLOUDFLARE, FETCHED, "cf-mitigated: challenge"),
            Verdict.LET_IN,
        ),
        (answer("200 OK", *CLOUDFLARE), Verdict.LET_IN),
        # The request passed the rules, but no origin answered.
        (answer("502 Bad", *CLOUDFLARE, FETCHED), Verdict.NO_ORIGIN),
        (
            answer("502 Bad", *CLOUDFLARE, body=f"<title>{HOME} | 502: Bad gateway"),
            Verdict.NO_ORIGIN,
        ),
        (answer("504 Out", *CLOUDFLARE, body="error code: 504"), Verdict.NO_ORIGIN),
        (answer("520 ", *CLOUDFLARE), Verdict.NO_ORIGIN),
        (answer("530 ", *CLOUDFLARE, body="error code: 1033"), Verdict.NO_ORIGIN),
        (
            answer("403 No", *CLOUDFLARE, "cf-mitigated: challenge", body=BLOCKED),
            Verdict.CHALLENGED,
        ),
        # Cloudflare may refuse for other reasons, which would hide a missing rule.
        (answer("403 Forbidden", *CLOUDFLARE), Verdict.UNCLEAR),
        (answer("403 No", *CLOUDFLARE, body="403: Forbidden"), Verdict.UNCLEAR),
        (answer("403 No", *CLOUDFLARE, body="error code: 1010"), Verdict.UNCLEAR),
        (answer("403 No", *CLOUDFLARE, body="Our own page"), Verdict.UNCLEAR),
        (answer("403 No", *CLOUDFLARE, body=" " * 16384 + BLOCKED), Verdict.UNCLEAR),
        (answer("429 Slow", *CLOUDFLARE, body="error code: 1015"), Verdict.UNCLEAR),
        (answer("429 Slow", *CLOUDFLARE, body=BLOCKED), Verdict.UNCLEAR),
        (answer("302 Found", *CLOUDFLARE, "Location: https://x/"), Verdict.UNCLEAR),
        (answer("400 Bad Request", *CLOUDFLARE), Verdict.UNCLEAR),
        (answer("500 Oops", *CLOUDFLARE, body="error code: 500"), Verdict.UNCLEAR),
        (answer("502 Bad Gateway", *CLOUDFLARE, body=OUTAGE), Verdict.UNCLEAR),
        (answer("503 Busy", *CLOUDFLARE), Verdict.UNCLEAR),
        # On the home network the name may lead past Cloudflare.
        (answer("403 Forbidden", body=BLOCKED), Verdict.NOT_CLOUDFLARE),
        (answer("403 No", "Server: nginx", RAY, body=BLOCKED), Verdict.NOT_CLOUDFLARE),
        (answer("403 No", "Server: cloudflare", body=BLOCKED), Verdict.NOT_CLOUDFLARE),
        (
            answer("403 No", "Server: cloudflare", "CF-RAY: -", body=BLOCKED),
            Verdict.NOT_CLOUDFLARE,
        ),
        (answer("200 OK", "Server: nginx", FETCHED), Verdict.NOT_CLOUDFLARE),
        # Not HTTP.
        (b"", Verdict.UNREACHABLE),
        (b"\r\n\r\n", Verdict.UNREACHABLE),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", Verdict.UNREACHABLE),
        (bytes(range(256)) * 16 + b"\r\n\r\n", Verdict.UNREACHABLE),
        (b"\x00" * 100_000, Verdict.UNREACHABLE),
        (answer("403", *CLOUDFLARE)[:-4], Verdict.UNREACHABLE),
        (answer("999 What", *CLOUDFLARE, body=BLOCKED), Verdict.UNREACHABLE),
        (answer("100 Continue", *CLOUDFLARE), Verdict.UNREACHABLE),
        (answer("4\u0663 No", *CLOUDFLARE), Verdict.UNREACHABLE),
        (answer("-403 No", *CLOUDFLARE, body=BLOCKED), Verdict.UNREACHABLE),
        (answer("403 No", *CLOUDFLARE, "no colon", body=BLOCKED), Verdict.UNREACHABLE),
        (
            b"HTTP/2 403\r\nServer: cloudflare\r\n\r\n" + BLOCKED.encode(),
            Verdict.UNREACHABLE,
        ),
        (
            answer("403 No", *CLOUDFLARE, f"X: {'x' * 20_000}", body=BLOCKED),
            Verdict.UNREACHABLE,
        ),
    ],
    ids=lambda value: value if isinstance(value, Verdict) else "",
)
async def test_verdict_on_an_answer(
    visit: Visit, said: bytes, verdict: Verdict
) -> None:
    """Only an answer that Cloudflare alone can give counts as blocked."""
    met = await visit(said)

    assert {item.verdict for item in met.answers.values()} == {verdict}
    status = met.answers[443].status
    assert (status is None) == (verdict is Verdict.UNREACHABLE)


async def test_redirects_are_not_followed(visit: Visit) -> None:
    """The visit is over with the first answer."""
    requests: list[bytes] = []

    async def redirect(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer("302 Found", *CLOUDFLARE, "Location: /elsewhere"))
        await writer.drain()

    await visit(redirect)

    assert sorted(requests) == [
        b"GET / HTTP/1.1\r\n"
        b"Host: " + host + b"\r\n"
        b"User-Agent: HomeAssistant cloudflare_mtls\r\n"
        b"Accept: text/html\r\n"
        b"Connection: close\r\n"
        b"\r\n"
        for host in (b"home.example.com", b"home.example.com:8443")
    ]


async def test_visits_share_the_authorities(
    socket_enabled: None, unused_tcp_port: int
) -> None:
    """Of many first visits at once, one reads the authorities; a failure is tried again."""
    made: list[str] = []

    async def counted[*ArgumentsT, ResultT](
        function: Callable[[*ArgumentsT], ResultT], *arguments: *ArgumentsT
    ) -> ResultT:
        made.append(function.__name__)
        if len(made) == 1:
            raise OSError
        return await asyncio.to_thread(function, *arguments)

    visitor = Probe(counted, address=("127.0.0.1", unused_tcp_port))
    visits = (visitor.without_certificate(f"{number}.{HOME}") for number in range(5))
    first, *others = await asyncio.gather(*visits, return_exceptions=True)

    assert isinstance(first, OSError)
    assert all(isinstance(other, Enforcement) for other in others)
    assert len(made) == 2


async def test_both_ports_are_visited_at_once(visit: Visit) -> None:
    """The second visit does not wait for the first answer."""
    met = asyncio.Barrier(2)

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await met.wait()
        writer.write(answer("200 OK", *CLOUDFLARE))
        await writer.drain()

    async with asyncio.timeout(5):
        assert (await visit(wait)).enforced is False


async def pour(writer: asyncio.StreamWriter, what: bytes) -> None:
    """Write the same bytes until the connection is closed."""
    while True:
        writer.write(what)
        await writer.drain()


async def test_endless_headers(visit: Visit) -> None:
    """Headers beyond the limit do not count as an answer."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD.encode())
        await pour(writer, b"X: x\r\n" * 100)

    async with asyncio.timeout(5):
        met = await visit(flood)
    assert met.answers[443].verdict is Verdict.UNREACHABLE


@pytest.mark.parametrize(
    ("extra", "verdict"), [((), Verdict.UNCLEAR), ((FETCHED,), Verdict.LET_IN)]
)
async def test_endless_body(
    visit: Visit, extra: tuple[str, ...], verdict: Verdict
) -> None:
    """Only its beginning is read, and nothing if the headers are enough."""

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("403 Forbidden", *CLOUDFLARE, *extra))
        await pour(writer, b"x" * 1000)

    async with asyncio.timeout(5):
        met = await visit(flood)
    assert met.answers[443].verdict is verdict


@pytest.mark.parametrize(
    "said", [b"", b"HTTP", HEAD.encode(), answer("403 Forbidden", *CLOUDFLARE)]
)
async def test_slow_drip(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """A visit ends at the timeout, even if bytes keep coming."""
    monkeypatch.setattr(probe, "_TIMEOUT", 0.3)

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        while True:
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.write(b" ")

    async with asyncio.timeout(5):
        met = await visit(drip)
    assert met.answers[443] == Answer(status=None, verdict=Verdict.UNREACHABLE)


async def test_no_handshake(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server accepts the connection and is silent, or does not speak TLS."""
    monkeypatch.setattr(probe, "_TIMEOUT", 0.3)

    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("403 Forbidden", *CLOUDFLARE, body=BLOCKED))
        await writer.drain()

    for handler in (mute, plain):
        async with serving(handler) as port:
            visitor = Probe(asyncio.to_thread, address=("127.0.0.1", port))
            met = await visitor.without_certificate(HOME)
        assert met.answers[443].verdict is Verdict.UNREACHABLE


async def test_answer_that_is_cut_off(visit: Visit) -> None:
    """Half a page without its headline proves nothing."""

    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("403 Forbidden", *CLOUDFLARE, body=BLOCKED[:-30]))
        await writer.drain()
        writer.transport.abort()

    assert (await visit(cut)).enforced is None


@pytest.mark.parametrize(
    ("verdicts", "enforced"),
    [
        ((Verdict.BLOCKED, Verdict.BLOCKED), True),
        ((Verdict.BLOCKED, Verdict.LET_IN), False),
        ((Verdict.NO_ORIGIN, Verdict.BLOCKED), False),
        ((Verdict.UNREACHABLE, Verdict.LET_IN), False),
        ((Verdict.BLOCKED, Verdict.CHALLENGED), None),
        ((Verdict.BLOCKED, Verdict.UNCLEAR), None),
        ((Verdict.BLOCKED, Verdict.NOT_CLOUDFLARE), None),
        ((Verdict.UNREACHABLE, Verdict.BLOCKED), None),
        ((Verdict.UNREACHABLE, Verdict.UNREACHABLE), None),
    ],
)
def test_enforced(verdicts: tuple[Verdict, Verdict], enforced: bool | None) -> None:
    """True if all are blocked, false if one got past, and otherwise unknown."""
    one, other = (Answer(status=None, verdict=verdict) for verdict in verdicts)

    assert Enforcement(answers={443: one, 8443: other}).enforced is enforced
