"""Visits a protected hostname with a new certificate, before the certificate is given out."""

import asyncio
from typing import Final

from ..engine.api.client import CloudflareClient
from ..engine.api.errors import EngineError
from ..engine.api.models import ClientCertificate
from ..engine.certificates.keys import PrivateKey
from ..engine.probe import Probe, Verdict
from ..wording import Message, raise_translated_error

# Seconds before each visit: rules and associations reach the edge's servers one by one.
_PAUSES: Final = (0, 2, 4, 8, 16)


async def async_check_admission(
    client: CloudflareClient,
    probe: Probe,
    zone_id: str,
    hostname: str,
    key: PrivateKey,
    certificate: ClientCertificate,
) -> None:
    """Revoke a new certificate that the edge blocks, and raise HomeAssistantError."""
    if await _is_admitted(probe, hostname, key, certificate):
        return
    try:
        await client.client_certificates.revoke(zone_id, certificate.id)
    except EngineError as err:
        raise_translated_error(
            Message(
                "certificate_blocked_not_revoked",
                {"hostname": hostname, "certificate_id": certificate.id},
            ),
            err,
        )
    raise_translated_error(Message("certificate_blocked", {"hostname": hostname}))


async def _is_admitted(
    probe: Probe, hostname: str, key: PrivateKey, certificate: ClientCertificate
) -> bool:
    """Return False only where the edge blocked every visit."""
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        answer = await probe.with_certificate(hostname, key, certificate.pem)
        if answer.verdict is not Verdict.BLOCKED:
            return True
    return False
