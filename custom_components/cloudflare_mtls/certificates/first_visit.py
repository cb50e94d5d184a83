"""Visits a protected hostname with a new certificate, before the certificate is given out."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from ..engine.api.models import ClientCertificate
from ..engine.arrival import Arrival, judge_arrival, judge_service
from ..engine.certificates.keys import PrivateKey
from ..engine.probe import Probe, Visit
from ..engine.rules.exempt_paths import FIRST_PAGE, is_exempt
from ..engine.sync.settings import ProtectedHostname
from ..pages.visit import Questions

# Seconds before each visit: rules and associations reach the edge's servers one by one.
_PAUSES: Final = (0, 2, 4, 8, 16)


async def async_visit_first(
    probe: Probe,
    questions: Questions,
    protected: ProtectedHostname,
    key: PrivateKey,
    certificate: ClientCertificate,
) -> Arrival:
    """Return where a visit ended: it was blocked only where the edge blocked all of them."""
    hostname = protected.hostname
    visit = partial(probe.with_certificate, hostname, key, certificate.pem)
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        arrival = await _arrive(visit, questions, protected)
        if arrival is not Arrival.BLOCKED:
            return arrival
    return Arrival.BLOCKED


async def _arrive(
    visit: Callable[[str], Awaitable[Visit]],
    questions: Questions,
    protected: ProtectedHostname,
) -> Arrival:
    """Return where a visit ended at Home Assistant, or at another service, which has no view for visits."""
    question = questions.ask()
    # To an exempt view, the edge lets everybody pass, with any certificate.
    if not protected.is_home or is_exempt(question.path, protected.exempt_paths):
        arrival = judge_service(await visit(FIRST_PAGE))
        if not protected.is_home or not arrival.is_there:
            return arrival
    arrival = judge_arrival(await visit(question.path), question.answer)
    if arrival is Arrival.HOME and question.seen_host != protected.hostname:
        return Arrival.REWRITTEN
    return arrival
