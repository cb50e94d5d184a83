"""Revokes certificates by itself: those that a newer one replaced, and those of removed devices."""

from collections.abc import Iterator

from ..const import LOGGER
from ..coordinator.protection import ProtectionCoordinator
from ..coordinator.protection_state import ProtectionState
from ..engine.api.errors import EngineError
from ..engine.certificates.certificate import Certificate, readable
from ..engine.certificates.trust import Trust
from ..issues import Issue, revocation_issue
from .service import CompanionCertificates


async def async_revoke_automatically(
    certificates: CompanionCertificates,
    protection: ProtectionCoordinator,
    state: ProtectionState,
) -> list[Issue]:
    """Revoke what has to be revoked by now; return an issue for each that could not be."""
    issues = []
    trust = protection.trust
    for certificate in list(_to_revoke(state, trust)):
        try:
            await certificates.async_revoke(certificate)
        except EngineError as err:
            LOGGER.debug("%s could not be revoked: %s", certificate.id, err)
            issues.append(revocation_issue(certificate.facts.name, certificate.id))
    await protection.removals.async_forget_revoked(state.certificates or (), trust)
    return issues


def _to_revoke(state: ProtectionState, trust: Trust) -> Iterator[Certificate]:
    for companion in (state.companions or {}).values():
        yield from companion.outdated
    for certificate in readable(state.certificates or ()):
        device_id = trust.device_id_of(certificate)
        if certificate.is_active and device_id in trust.removed_ids:
            yield certificate
