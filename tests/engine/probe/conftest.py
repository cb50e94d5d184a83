"""Probes of the sandbox's edge, and of servers that pretend to be it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
import ssl

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
import pytest

from custom_components.cloudflare_mtls.engine.probe import Enforcement, Probe
from sandbox import Sandbox
from sandbox.authority import Authority, edge_authority, new_server_key
from sandbox.state import Rule
from tests.engine.probe.answers import HOME, STRANGERS, Handler, serving


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


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Return the authority that signs certificates for servers in place of the edge."""
    return edge_authority()


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """Return the TLS settings of a server for the zone, and the file of its authority."""
    key = new_server_key()
    certificate = authority.sign_server(
        ["example.com", "*.example.com"], key.public_key()
    )
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
