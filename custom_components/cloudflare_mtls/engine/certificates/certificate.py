"""Client certificates as Cloudflare lists them, readable or not (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self, override

from ..api.models import CertificateStatus
from .facts import CertificateFacts
from .lifecycle import Standing, standing


@dataclass(frozen=True, kw_only=True)
class ListedCertificate:
    """A client certificate of which nothing is known but what Cloudflare says.

    The zone is None for one that is known here, and is in no zone that was read.
    """

    id: str
    zone_id: str | None
    status: CertificateStatus | None

    @classmethod
    def unlisted(cls, item_id: str) -> ListedCertificate:
        """Return a certificate of which only the id or the fingerprint is known."""
        return ListedCertificate(id=item_id, zone_id=None, status=None)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids by which it may have been marked as unwanted."""
        return (self.id,)

    @property
    def own_ids(self) -> tuple[str, ...]:
        """Return the ids that no other certificate has, not even one of the same key.

        The last one is the fingerprint, where that is known.
        """
        return (self.id,)

    @property
    def is_active(self) -> bool:
        """Return whether it is not revoked; it may have expired."""
        return self.status in (
            CertificateStatus.ACTIVE,
            CertificateStatus.PENDING_REACTIVATION,
        )

    @property
    def may_be_active(self) -> bool:
        """Return whether it may be valid: a status that we do not know may mean so."""
        return self.is_active or self.status is None


@dataclass(frozen=True, kw_only=True)
class RememberedCertificate(ListedCertificate):
    """A certificate that was listed before a restart: of it, only ids and zone are remembered.

    Nothing can be confirmed by that, so nobody trusts it before it is listed again.
    """

    remembered_ids: tuple[str, ...]

    @classmethod
    def from_ids(cls, zone_id: str | None, ids: Sequence[str]) -> Self:
        """Return the certificate with these ids, the first of which is Cloudflare's."""
        return cls(id=ids[0], zone_id=zone_id, status=None, remembered_ids=tuple(ids))

    @property
    @override
    def ids(self) -> tuple[str, ...]:
        return self.remembered_ids

    @property
    @override
    def own_ids(self) -> tuple[str, ...]:
        return self.remembered_ids


@dataclass(frozen=True, kw_only=True)
class Certificate(ListedCertificate):
    """A client certificate that can be read, and what it says of itself."""

    zone_id: str
    facts: CertificateFacts

    @property
    @override
    def ids(self) -> tuple[str, ...]:
        # Its key is known before it is signed, its fingerprint where a person confirmed it.
        return (self.id, self.facts.key_id, self.facts.fingerprint_sha256)

    @property
    @override
    def own_ids(self) -> tuple[str, ...]:
        return (self.id, self.facts.fingerprint_sha256)

    def standing_at(self, now: datetime) -> Standing | None:
        """Return its standing at a moment, or None if Cloudflare's status is not known."""
        return standing(self.status, self.facts.expires_on, now)

    def gets_in(self, now: datetime) -> bool:
        """Return whether it lets its holder in, as far as is known."""
        current = self.standing_at(now)
        return current is not None and current.gets_in


def readable(certificates: Iterable[ListedCertificate]) -> tuple[Certificate, ...]:
    """Return those of the certificates that can be parsed."""
    return tuple(item for item in certificates if isinstance(item, Certificate))


def own_ids(certificates: Iterable[ListedCertificate]) -> set[str]:
    """Return every id by which one of the certificates alone is known."""
    return {item_id for item in certificates for item_id in item.own_ids}
