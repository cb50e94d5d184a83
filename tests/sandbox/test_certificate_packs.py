"""Certificates of the edge: what the API lists, and for which names the edge has one."""

import asyncio
import ssl

import pytest

from sandbox import Sandbox
from sandbox.state import CertificatePack

from .helpers import Api

PACKS = "/zones/{zone}/ssl/certificate_packs"


async def shake_hands(sandbox: Sandbox, hostname: str) -> None:
    """Connect to the edge for a hostname, as a visitor does; raise SSLError."""
    context = ssl.create_default_context(cafile=sandbox.edge_ca_file)
    _, writer = await asyncio.open_connection(
        sandbox.edge_host, sandbox.edge_port, ssl=context, server_hostname=hostname
    )
    writer.transport.abort()


async def test_universal_certificate(sandbox: Sandbox, api: Api) -> None:
    """Every zone has one, for itself and the names one level below."""
    [pack] = (await api.get(PACKS)).result
    assert (pack["type"], pack["status"]) == ("universal", "active")
    assert pack["hosts"] == ["example.com", "*.example.com"]
    for hostname in ("example.com", "home.example.com", "nobody.example.com"):
        await shake_hands(sandbox, hostname)


@pytest.mark.parametrize("hostname", ["ha.lab.example.com", "nobody.example.net"])
async def test_name_without_a_certificate(sandbox: Sandbox, hostname: str) -> None:
    """The handshake fails, before anything is asked for."""
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        await shake_hands(sandbox, hostname)


async def test_advanced_certificate(sandbox: Sandbox, api: Api) -> None:
    """It is listed and used once it is active."""
    pack = CertificatePack(["example.com", "*.lab.example.com"], "advanced")
    pack.status = "pending_validation"
    sandbox.state.zones[sandbox.zone_id].certificate_packs.append(pack)

    assert len((await api.get(PACKS)).result) == 1
    assert len((await api.get(PACKS, status="all")).result) == 2
    with pytest.raises(ssl.SSLError):
        await shake_hands(sandbox, "ha.lab.example.com")

    pack.status = "active"
    assert len((await api.get(PACKS)).result) == 2
    await shake_hands(sandbox, "ha.lab.example.com")
    with pytest.raises(ssl.SSLError):
        await shake_hands(sandbox, "a.b.lab.example.com")


async def test_permission(sandbox: Sandbox, api: Api) -> None:
    """A token that may not read certificates is refused."""
    blind = api.with_token(sandbox.state.add_token(permissions={"zone:read"}))
    refused = await blind.get(PACKS)
    assert (refused.status, refused.code) == (403, 9109)
