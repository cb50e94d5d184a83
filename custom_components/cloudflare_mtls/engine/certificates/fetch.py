"""Fetches the certificates of several zones."""

import asyncio
from collections.abc import Iterable

from ..api.client import CloudflareClient
from ..run_blocking import RunBlocking
from .companions import Certificate
from .facts import read_certificates


async def fetch_certificates(
    client: CloudflareClient, zone_ids: Iterable[str], run_blocking: RunBlocking
) -> tuple[Certificate, ...]:
    """Return every readable client certificate of these zones, by zone; raise EngineError.

    Source: GET /zones/{zone_id}/client_certificates.
    """
    wanted = sorted(set(zone_ids))
    listed = await asyncio.gather(
        *(client.client_certificates.list(zone_id) for zone_id in wanted)
    )
    certificates = []
    for zone_id, found in zip(wanted, listed, strict=True):
        certificates += [
            Certificate(
                id=certificate.id,
                zone_id=zone_id,
                status=certificate.status,
                facts=facts,
            )
            for certificate, facts in await run_blocking(read_certificates, found)
        ]
    return tuple(certificates)
