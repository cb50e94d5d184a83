"""Which certificates the rules accept if they accept only those of companion devices."""

import asyncio

from cryptography.hazmat.primitives import hashes
import pytest

from custom_components.cloudflare_mtls.engine.api.client import CloudflareClient
from custom_components.cloudflare_mtls.engine.api.errors import PermissionMissing
from custom_components.cloudflare_mtls.engine.sync.pins import Pins
from sandbox import Sandbox
from sandbox.state import ALL_PERMISSIONS, CertificateStatus
from tests.common import add_certificate
from tests.engine.builders import ZONE_ID


def pins(*zone_ids: str, adopted: str = "") -> Pins:
    """Return the choice to accept only companion devices of these zones."""
    return Pins(zone_ids=zone_ids, adopted={adopted}, run_blocking=asyncio.to_thread)


async def test_active_certificates_of_companion_devices_are_accepted(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """Revoked ones are not, nor those from elsewhere that nobody adopted."""
    restored = CertificateStatus.PENDING_REACTIVATION
    accepted = [
        await add_certificate(sandbox, certificate_id="created"),
        await add_certificate(sandbox, certificate_id="restored", status=restored),
        await add_certificate(
            sandbox, certificate_id="adopted", organization="Somebody"
        ),
    ]
    await add_certificate(sandbox, certificate_id="foreign", organization="Somebody")
    for status in (CertificateStatus.REVOKED, CertificateStatus.PENDING_REVOCATION):
        await add_certificate(sandbox, certificate_id=status, status=status)

    assert await pins(ZONE_ID, adopted="adopted").read(client) == {
        certificate.fingerprint(hashes.SHA256()).hex() for certificate in accepted
    }


async def test_certificates_of_every_zone_are_accepted(
    sandbox: Sandbox, client: CloudflareClient
) -> None:
    """A device's certificate may belong to another zone than the hostname."""
    other = sandbox.state.add_zone("example.net")
    here = await add_certificate(sandbox)
    there = await add_certificate(sandbox, certificate_id="there")
    certificates = sandbox.state.zones[ZONE_ID].certificates
    other.certificates["there"] = certificates.pop("there")

    assert await pins(ZONE_ID, other.id).read(client) == {
        certificate.fingerprint(hashes.SHA256()).hex() for certificate in (here, there)
    }
    assert await pins().read(client) == set()


async def test_certificates_that_cannot_be_read_are_an_error(sandbox: Sandbox) -> None:
    """With an empty list the rules would accept no certificate."""
    permissions = {item for item in ALL_PERMISSIONS if not item.startswith("ssl")}
    token = sandbox.state.add_token(permissions=permissions)
    client = CloudflareClient(token, base_url=sandbox.api_url)
    with pytest.raises(PermissionMissing):
        await pins(ZONE_ID).read(client)
