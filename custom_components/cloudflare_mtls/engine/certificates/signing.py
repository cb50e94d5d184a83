"""Has Cloudflare sign a certificate once, even when its answer gets lost."""

import asyncio
from typing import Final

from ..api.client import CloudflareClient
from ..api.errors import Conflict, Unavailable
from ..api.models import CertificateStatus, ClientCertificate
from ..run_blocking import RunBlocking
from .facts import CertificateFacts, read_certificates
from .keys import SigningRequest

# Seconds: a new certificate takes up to a minute to appear in the list.
_SEARCH_PAUSES: Final = (0, 2, 5, 10, 20, 25)

_REVOKED: Final = (CertificateStatus.PENDING_REVOCATION, CertificateStatus.REVOKED)


async def issue_certificate(
    client: CloudflareClient,
    zone_id: str,
    request: SigningRequest,
    validity_days: int,
    run_blocking: RunBlocking,
) -> tuple[ClientCertificate, CertificateFacts]:
    """Have Cloudflare sign the request once, even when its answer gets lost.

    Returns the certificate and what it says about itself. Raises EngineError; Conflict where
    Cloudflare returns a certificate for another key, or somebody has already revoked ours.
    """
    try:
        certificate = await client.client_certificates.create(
            zone_id, request.csr, validity_days
        )
        facts = await run_blocking(CertificateFacts.read, certificate.pem)
    except Unavailable:
        return await _find_certificate(client, zone_id, request, run_blocking)
    if facts.public_key != request.public_key:
        raise Conflict(None, "the certificate is for another key")
    return certificate, facts


async def _find_certificate(
    client: CloudflareClient,
    zone_id: str,
    request: SigningRequest,
    run_blocking: RunBlocking,
) -> tuple[ClientCertificate, CertificateFacts]:
    """Return the certificate that Cloudflare signed although its answer got lost."""
    for pause in _SEARCH_PAUSES:
        await asyncio.sleep(pause)
        try:
            certificates = await client.client_certificates.list(zone_id)
        except Unavailable:
            continue
        if found := await run_blocking(_matching, certificates, request):
            certificate, _ = found
            if certificate.status in _REVOKED:
                raise Conflict(None, "the certificate was revoked at once")
            return found
    raise Unavailable("no certificate was signed")


def _matching(
    certificates: tuple[ClientCertificate, ...], request: SigningRequest
) -> tuple[ClientCertificate, CertificateFacts] | None:
    for certificate, facts in read_certificates(certificates):
        if facts and facts.public_key == request.public_key:
            return certificate, facts
    return None
