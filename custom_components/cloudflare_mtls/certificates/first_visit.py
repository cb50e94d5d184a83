"""Visits a protected hostname with a new certificate, before the certificate is given out."""

import asyncio
from typing import Final

from ..engine.api.models import ClientCertificate
from ..engine.certificates.keys import PrivateKey
from ..engine.probe import Probe, Verdict

# Seconds before each visit: rules and associations reach the edge's servers one by one.
_PAUSES: Final = (0, 2, 4, 8, 16)


async def async_visit_first(
    probe: Probe, hostname: str, key: PrivateKey, certificate: ClientCertificate
) -> Verdict:
    """Return what happened to a visit: it was blocked only where the edge blocked all of them."""
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        answer = await probe.with_certificate(hostname, key, certificate.pem)
        if answer.verdict is not Verdict.BLOCKED:
            return answer.verdict
    return Verdict.BLOCKED
