"""Revokes certificates by itself: those that a newer one replaced, and those of removed devices."""

from collections.abc import Collection, Iterator

from ..const import LOGGER
from ..coordinator.protection_state import ProtectionState
from ..coordinator.removals import Removals
from ..engine.api.errors import EngineError
from ..engine.certificates.companions import Certificate
from ..issues import Issue, revocation_issue
from .service import CompanionCertificates


async def async_revoke_automatically(
    certificates: CompanionCertificates, removals: Removals, state: ProtectionState
) -> list[Issue]:
    """Revoke what has to be revoked by now; return an issue for each that could not be."""
    issues = []
    for certificate in list(_to_revoke(state, removals.devices)):
        try:
            await certificates.async_revoke(certificate)
        except EngineError as err:
            LOGGER.debug("%s could not be revoked: %s", certificate.id, err)
            issues.append(revocation_issue(certificate.facts.name, certificate.id))
    await removals.async_forget_revoked(state.certificates or ())
    return issues


def _to_revoke(
    state: ProtectionState, removed_devices: Collection[str]
) -> Iterator[Certificate]:
    for companion in (state.companions or {}).values():
        yield from companion.outdated
    for certificate in state.certificates or ():
        if certificate.is_active and certificate.device_id in removed_devices:
            yield certificate
