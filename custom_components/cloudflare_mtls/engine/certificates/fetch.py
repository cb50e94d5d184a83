"""Fetches the certificates of several zones."""

import asyncio
from collections.abc import Iterable

from ..api.client import CloudflareClient
from ..run_blocking import RunBlocking
from .certificate import Certificate, ListedCertificate
from .facts import read_certificates


async def fetch_certificates(
    client: CloudflareClient, zone_ids: Iterable[str], run_blocking: RunBlocking
) -> tuple[ListedCertificate, ...]:
    """Return every client certificate of these zones, by zone; raise EngineError.

    Source: GET /zones/{zone_id}/client_certificates.
    """
    wanted = sorted(set(zone_ids))
    listed = await asyncio.gather(
        *(client.client_certificates.list(zone_id) for zone_id in wanted)
    )
    return tuple(
        [
            ListedCertificate(id=item.id, zone_id=zone_id, status=item.status)
            if facts is None
            else Certificate(
                id=item.id, zone_id=zone_id, status=item.status, facts=facts
            )
            for zone_id, found in zip(wanted, listed, strict=True)
            for item, facts in await run_blocking(read_certificates, found)
        ]
    )
