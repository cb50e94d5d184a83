"""Visits to the sandbox's edge: with rules, with certificates, and what stays in memory."""

import asyncio
from collections.abc import Callable
import logging
import os
from pathlib import Path
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

from custom_components.cloudflare_mtls.engine.probe import (
    Answer,
    Enforcement,
    Probe,
    Verdict,
    Visit,
)
from sandbox import Sandbox
from sandbox.authority import edge_authority
from sandbox.seed import SERVICE
from sandbox.state import CertificatePack, Rule, TunnelStatus
from tests.engine.probe.answers import BLOCKED, HOME, STRANGERS, answer, serving
from tests.sandbox.helpers import Identity, signed_by


async def create_identity(sandbox: Sandbox) -> Identity:
    """Return a certificate that the account's own authority signed."""
    return signed_by(await sandbox.authorities.get(sandbox.account_id))


def pem(identity: Identity) -> str:
    """Return the certificate as Cloudflare hands it out."""
    return identity.certificate.public_bytes(Encoding.PEM).decode()


async def visit_with(probe: Probe, identity: Identity) -> Verdict:
    """Visit with a certificate."""
    return (
        await probe.with_certificate(HOME, identity.key, pem(identity), "/")
    ).verdict


async def test_blocked_on_every_port(
    sandbox: Sandbox, at_the_sandbox: Probe, rule: Rule
) -> None:
    """Each port is visited with its own Host header, and the visitor says who it is."""
    met = await at_the_sandbox.without_certificate(HOME)

    refused = Answer(status=403, verdict=Verdict.BLOCKED)
    assert met == Enforcement(answers={443: refused, 8443: refused})
    assert met.enforced is True
    assert met.has_edge_certificate is True
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

    met = await at_the_sandbox.with_certificate(HOME, one.key, pem(other), "/")

    assert met == Visit(verdict=Verdict.UNREACHABLE)
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
    await at_the_sandbox.with_certificate(HOME, private, pem(identity), "/")

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

    await at_the_sandbox.with_certificate(HOME, private, pem(identity), "/")
    assert shown[1][3] != password


@pytest.mark.parametrize("hostname", ["nobody.example.net", "a.b.example.com"])
async def test_hostname_without_a_certificate_at_the_edge(
    sandbox: Sandbox, at_the_sandbox: Probe, hostname: str
) -> None:
    """The handshake fails, with a certificate of the visitor's own or without one."""
    met = await at_the_sandbox.without_certificate(hostname)

    assert {item.verdict for item in met.answers.values()} == {Verdict.NO_CERTIFICATE}
    assert met.enforced is None
    assert met.has_edge_certificate is False
    identity = await create_identity(sandbox)
    with_own = await at_the_sandbox.with_certificate(
        hostname, identity.key, pem(identity), "/"
    )
    assert with_own == Visit(verdict=Verdict.NO_CERTIFICATE)


async def test_certificate_for_another_name(
    sandbox: Sandbox, at_the_sandbox: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer counts only from a server with a certificate for the hostname."""
    pack = sandbox.state.zones[sandbox.zone_id].certificate_packs[0]
    monkeypatch.setattr(CertificatePack, "covers", lambda *_: True)
    assert "a.b.example.com" not in pack.hosts

    met = await at_the_sandbox.without_certificate("a.b.example.com")

    assert {item.verdict for item in met.answers.values()} == {Verdict.UNREACHABLE}
    assert met.enforced is None
    assert met.has_edge_certificate is None


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
