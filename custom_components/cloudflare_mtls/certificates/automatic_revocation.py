"""Revokes certificates by itself: those that nobody wants any more, and those of removed devices."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from ..const import LOGGER
from ..coordinator.protection import ProtectionCoordinator
from ..coordinator.protection_state import ProtectionState
from ..engine.api.errors import EngineError
from ..engine.certificates.certificate import ListedCertificate, own_ids
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
) -> list[ListedCertificate]:
    """Revoke what has to be revoked by now; return the certificates that could not be."""
    left = []

    def is_due(certificate: ListedCertificate) -> bool:
        return bool(_due([certificate], protection, creations))

    for certificate in _due(state.certificates or (), protection, creations):
        # A person may have restored it while others were revoked.
        if not is_due(certificate):
            continue
        try:
            await revoker.async_revoke_automatically(certificate, is_due)
        except EngineError as err:
            LOGGER.debug("%s could not be revoked: %s", certificate.id, err)
            left.append(certificate)
    await protection.removals.async_forget_revoked(state, protection.trust)
    await _forget_unwanted(protection.ledger, state)
    return left


def _due(
    certificates: Iterable[ListedCertificate],
    protection: ProtectionCoordinator,
    creations: Creations,
) -> list[ListedCertificate]:
    """Return the active certificates that a newer one has replaced, or that nobody wants."""
    trust = protection.trust
    outdated = {
        item.id
        for companion in (protection.data.companions or {}).values()
        for item in companion.outdated
    }
    return [
        item
        for item in certificates
        if item.may_be_active
        and not creations.is_restoring(item.id)
        and (
            item.id in outdated
            or trust.is_of_removed_device(item)
            # One that is being created is unwanted only until it is recorded.
            or (trust.is_unwanted(item) and not any(map(creations.has_key, item.ids)))
        )
    ]


async def _forget_unwanted(ledger: Ledger, state: ProtectionState) -> None:
    """Record the unwanted certificates that are revoked; forget the keys that were never signed."""
    certificates = state.certificates or ()
    active = [item for item in certificates if item.may_be_active]
    orders = ledger.orders
    revoked = [
        item
        for item in certificates
        if not item.may_be_active
        and not orders.have_changed(item, since=state.orders)
        and state.orders.are_shown_of(item)
    ]
    # The answer to our own revocation may have got lost.
    await ledger.async_record_revoked(
        own_ids(item for item in revoked if ledger.unwanted & set(item.ids))
    )
    ordered_at = ledger.orders.ordered_at
    lost = {
        item_id
        for item_id in ledger.unwanted
        if state.is_complete
        and state.orders.at - ordered_at[item_id] >= _UNSEEN
        and not ledger.knows(item_id)
    }
    await ledger.async_forget_unwanted((_ids(revoked) | lost) - _ids(active))


def _ids(certificates: Iterable[ListedCertificate]) -> set[str]:
    """Return every id that the certificates have in the ledger."""
    return {item_id for item in certificates for item_id in item.ids}
