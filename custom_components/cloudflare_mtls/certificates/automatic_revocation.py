"""Revokes certificates by itself: those that nobody wants any more, and those of removed devices."""

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from typing import Final

from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..coordinator.protection import ProtectionCoordinator
from ..coordinator.protection_state import ProtectionState
from ..engine.api.errors import EngineError
from ..engine.certificates.certificate import ListedCertificate
from ..issues import Issue, revocation_issue
from ..storage.ledger import Ledger
from .creations import Creations
from .revocation import CertificateRevoker

# A certificate whose signing was answered by nobody appears within minutes, or never.
_UNSEEN: Final = timedelta(days=1)


async def async_revoke_automatically(
    revoker: CertificateRevoker,
    protection: ProtectionCoordinator,
    creations: Creations,
    state: ProtectionState,
) -> list[Issue]:
    """Revoke what has to be revoked by now; return an issue for each that could not be."""
    issues = []
    names = {
        certificate.id: companion.device.name
        for companion in (state.companions or {}).values()
        for certificate in companion.certificates
    }
    to_revoke = {item.id: item for item in _to_revoke(protection, creations, state)}
    for certificate in to_revoke.values():
        try:
            await revoker.async_revoke_automatically(certificate)
        except EngineError as err:
            LOGGER.debug("%s could not be revoked: %s", certificate.id, err)
            name = names.get(certificate.id)
            issues.append(revocation_issue(certificate, name))
    certificates, unread = state.certificates or (), state.unread_zones
    await protection.removals.async_forget_revoked(
        certificates, protection.trust, unread
    )
    await _forget_unwanted(protection.ledger, certificates, is_complete=not unread)
    return issues


def _to_revoke(
    protection: ProtectionCoordinator, creations: Creations, state: ProtectionState
) -> Iterator[ListedCertificate]:
    """Yield the active certificates that a newer one replaced, or that nobody wants."""
    trust = protection.trust
    outdated = {
        item.id
        for companion in (state.companions or {}).values()
        for item in companion.outdated
    }
    for certificate in state.certificates or ():
        if not certificate.may_be_active or creations.is_restoring(certificate.id):
            continue
        # One that is being created is unwanted only until it is recorded.
        is_in_creation = any(map(creations.has_key, certificate.ids))
        if (
            certificate.id in outdated
            or trust.is_of_removed_device(certificate)
            or (trust.is_unwanted(certificate) and not is_in_creation)
        ):
            yield certificate


async def _forget_unwanted(
    ledger: Ledger, certificates: Collection[ListedCertificate], *, is_complete: bool
) -> None:
    """Record the unwanted certificates that are revoked; forget those not seen for a day."""
    active = [item for item in certificates if item.may_be_active]
    revoked = [item for item in certificates if not item.may_be_active]
    # The answer to our own revocation may have got lost.
    await ledger.async_record_revoked(
        {item.id for item in revoked if ledger.unwanted.keys() & set(item.ids)}
    )
    long_ago = dt_util.utcnow() - _UNSEEN
    lost = {
        item_id
        for item_id, since in ledger.unwanted.items()
        if is_complete and since < long_ago
    }
    await ledger.async_forget_unwanted((_ids(revoked) | lost) - _ids(active))


def _ids(certificates: Iterable[ListedCertificate]) -> set[str]:
    """Return every id that the certificates have in the ledger."""
    return {item_id for item in certificates for item_id in item.ids}
