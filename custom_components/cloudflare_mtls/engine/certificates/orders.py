"""What people ordered to be revoked or restored, as it was at a moment (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from .certificate import ListedCertificate


@dataclass(frozen=True, kw_only=True)
class Orders:
    """The orders up to a moment: a list that was asked for then says nothing of later ones.

    unwanted: since when certificates have to be revoked, by their ids.
    restorations: how often each certificate was restored, or may have been, by its id.
    """

    unwanted: Mapping[str, datetime] = field(default_factory=dict)
    restorations: Mapping[str, int] = field(default_factory=dict)

    def have_changed(self, certificate: ListedCertificate, since: Orders) -> bool:
        """Return whether a certificate was ordered to be revoked or restored since others."""
        return self.were_restored(certificate, since) or any(
            self.unwanted[item_id] != since.unwanted.get(item_id)
            for item_id in certificate.ids
            if item_id in self.unwanted
        )

    def were_restored(self, certificate: ListedCertificate, since: Orders) -> bool:
        """Return whether a certificate was ordered to be restored since others."""
        known = self.restorations.get(certificate.id)
        return known != since.restorations.get(certificate.id)
