"""Visits a protected hostname with a new certificate, before the certificate is given out."""

import asyncio
from typing import Final

from ..engine.api.models import ClientCertificate
from ..engine.arrival import Arrival, judge_arrival, judge_service
from ..engine.certificates.keys import PrivateKey
from ..engine.probe import Probe
from ..engine.sync.settings import Purpose
from ..pages.visit import Questions

# Seconds before each visit: rules and associations reach the edge's servers one by one.
_PAUSES: Final = (0, 2, 4, 8, 16)


async def async_visit_first(
    probe: Probe,
    questions: Questions,
    hostname: str,
    key: PrivateKey,
    certificate: ClientCertificate,
    purpose: Purpose,
) -> Arrival:
    """Return where a visit ended: it was blocked only where the edge blocked all of them.

    Only Home Assistant has a view for visits; of another service, its first page is asked for.
    """
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        if purpose is Purpose.OTHER:
            visit = await probe.with_certificate(hostname, key, certificate.pem, "/")
            arrival = judge_service(visit)
        else:
            question = questions.ask()
            visit = await probe.with_certificate(
                hostname, key, certificate.pem, question.path
            )
            arrival = judge_arrival(visit, question.answer)
            if arrival is Arrival.HOME and question.seen_host != hostname:
                arrival = Arrival.REWRITTEN
        if arrival is not Arrival.BLOCKED:
            return arrival
    return Arrival.BLOCKED
