"""What people ordered to be revoked or restored, as it was at a moment (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..api.recent_writes import LAG
from ..moment import Moment
from .certificate import ListedCertificate


@dataclass(frozen=True, kw_only=True)
class Orders:
    """The orders up to a moment: a list that was asked for then says nothing of later ones.

    at: that moment.
    revocations: how often each certificate was ordered to be revoked, by its ids.
    ordered_at: when that was last, or a later moment.
    restorations: how often each certificate was restored, or may have been, by its id.
    """

    at: Moment = field(default_factory=Moment.now)
    revocations: Mapping[str, int] = field(default_factory=dict)
    ordered_at: Mapping[str, Moment] = field(default_factory=dict)
    restorations: Mapping[str, int] = field(default_factory=dict)

    def have_changed(self, certificate: ListedCertificate, since: Orders) -> bool:
        """Return whether a certificate was ordered to be revoked or restored since others."""
        return self.were_restored(certificate, since) or any(
            self.revocations.get(item_id) != since.revocations.get(item_id)
            for item_id in certificate.ids
        )

    def were_restored(self, certificate: ListedCertificate, since: Orders) -> bool:
        """Return whether a certificate was ordered to be restored since others."""
        known = self.restorations.get(certificate.id)
        return known != since.restorations.get(certificate.id)

    def are_shown_of(self, certificate: ListedCertificate) -> bool:
        """Return whether a list that was asked for at this moment shows what came of its revocation.

        An older list may show it as revoked, although it was reactivated before the order.
        """
        return all(
            self.at - self.ordered_at[item_id] >= LAG
            for item_id in certificate.ids
            if item_id in self.ordered_at
        )
