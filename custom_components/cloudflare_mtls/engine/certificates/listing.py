"""Lists the client certificates of zones, with what each certificate says about itself."""

import asyncio
from collections.abc import Collection

from ..api.client import CloudflareClient
from ..blocking import RunBlocking
from .companions import Certificate
from .credentials import read_certificates


async def list_certificates(
    client: CloudflareClient, zone_ids: Collection[str], run_blocking: RunBlocking
) -> tuple[Certificate, ...]:
    """Return every certificate of the zones, revoked ones included; raise EngineError.

    A certificate that cannot be parsed is left out.
    """
    listed = await asyncio.gather(
        *(client.client_certificates.list(zone_id) for zone_id in zone_ids)
    )
    certificates: list[Certificate] = []
    for zone_id, found in zip(zone_ids, listed, strict=True):
        readable = await run_blocking(read_certificates, found)
        certificates += [
            Certificate(
                id=certificate.id,
                zone_id=zone_id,
                status=certificate.status,
                facts=facts,
            )
            for certificate, facts in readable
        ]
    return tuple(certificates)
