"""Records of what happened to a certificate after it was created here (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from operator import itemgetter
from typing import Any, Final, Self, TypedDict, Unpack

from ..known_fields import known_fields

# Where the edge does not tell which certificate a device showed in its test, it may have been the
# older one; and where it does, another app of the device may still use that.
GRACE: Final = timedelta(days=7)

_TEXTS: Final = frozenset({"fingerprint", "device_id", "test_digest"})

# When something happened to a certificate, what that was, and the certificate's id.
type _Happened = tuple[datetime, str, str]


class Changes(TypedDict, total=False):
    """What can happen to a certificate that was created here, and when it did."""

    taken_on: datetime
    test_digest: str
    proven_on: datetime
    restored_on: datetime


@dataclass(frozen=True, kw_only=True)
class Places:
    """The places of what happened to a certificate among all that happened to those of the account.

    0 for what did not happen. The clock may be set between two of them, so their times say nothing
    of their order.
    """

    creation: int = 0
    proof: int = 0
    restoration: int = 0


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """When the older certificates of a device are revoked, and since when they are replaced.

    since: the place of the creation, for which a person set the date, or of the proof.
    """

    revokes_on: datetime
    since: int

    def spares(self, record: Record | None) -> bool:
        """Return whether a person has restored a certificate since."""
        return record is not None and record.places.restoration > self.since


@dataclass(frozen=True, kw_only=True)
class Record:
    """A certificate that was created here, and what happened to it since.

    fingerprint: its SHA-256 fingerprint, in lowercase hex.
    device_id: the companion device that it was created for, by our own id.
    created_on: when that was by Cloudflare's clock; earlier versions stored what the home's said.
    taken_on: when the device fetched it.
    test_digest: SHA-256 of the token that the device then got, to test the certificate once.
    proven_on: when the device reached Home Assistant with it.
    restored_on: when a person last took its revocation back.
    revoke_old_on: when the device's older certificates are revoked, proven or not, once it
    fetched this one.
    """

    fingerprint: str
    device_id: str
    created_on: datetime
    taken_on: datetime | None = None
    test_digest: str | None = None
    proven_on: datetime | None = None
    restored_on: datetime | None = None
    revoke_old_on: datetime | None = None
    places: Places = Places()

    def is_tested_with(self, digest: str) -> bool:
        """Return whether this is the digest of the token that the device got with its bundle."""
        return self.test_digest is not None and compare_digest(self.test_digest, digest)

    @property
    def revokes_old_on(self) -> datetime | None:
        """Return when the device's older certificates are revoked because of this one, if ever."""
        chosen = self.revoke_old_on if self.taken_on else None
        dates = filter(None, (chosen, self._grace_ends))
        return min(dates, default=None)

    @property
    def _grace_ends(self) -> datetime | None:
        """Return until when a proof spares the older certificates."""
        # No proof is older than its certificate: then the home's clock was behind.
        return self.proven_on and max(self.proven_on, self.created_on) + GRACE

    def replacements(self, now: datetime) -> list[Replacement]:
        """Return how it replaces the device's older certificates: by its date, by a proof, or both.

        One that a person has restored since replaces none: the device used it before, and may
        use another one now.
        """
        found = []
        if self.taken_on and (due := self.revoke_old_on) and due <= now:
            found.append(Replacement(revokes_on=due, since=self.places.creation))
        if ends := self._grace_ends:
            found.append(Replacement(revokes_on=ends, since=self.places.proof))
        return [item for item in found if not item.spares(self)]

    def noting(self, place: int, **changes: Unpack[Changes]) -> Self:
        """Return the record with what happened now; a proof or restoration gets this place."""
        places = self.places
        if "proven_on" in changes:
            places = replace(places, proof=place)
        if "restored_on" in changes:
            places = replace(places, restoration=place)
        return replace(self, **changes, places=places)

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> Self:
        """Read a record from how it is stored; its places are stored elsewhere."""
        read: dict[str, Any] = {
            key: value if key in _TEXTS else datetime.fromisoformat(value)
            for key, value in known_fields(cls, data).items()
        }
        return cls(**read)

    def as_data(self) -> dict[str, str]:
        """Return the record as it is stored."""
        return {
            key: value if key in _TEXTS else value.isoformat()
            for key, value in asdict(self).items()
            if value and key != "places"
        }


def in_order_of_times(records: Mapping[str, Record]) -> dict[str, Record]:
    """Return records with the places of what happened to them, as far as their times tell.

    Earlier versions stored no place of a creation, and the first ones none at all. The order of
    the records is that of the creations.
    """
    creations = ((item.created_on, "creation", key) for key, item in records.items())
    later = sorted(
        (place, on, kind, key)
        for key, item in records.items()
        for place, on, kind in (
            (item.places.proof, item.proven_on, "proof"),
            (item.places.restoration, item.restored_on, "restoration"),
        )
        if on
    )
    happened = [*_in_order(creations), *_in_order(item[1:] for item in later)]
    happened.sort(key=itemgetter(0))
    places = {(kind, key): place for place, (_, kind, key) in enumerate(happened, 1)}
    return {
        key: replace(
            item,
            places=Places(
                creation=places["creation", key],
                proof=places.get(("proof", key), 0),
                restoration=places.get(("restoration", key), 0),
            ),
        )
        for key, item in records.items()
    }


def _in_order(happened: Iterable[_Happened]) -> Iterator[_Happened]:
    """Yield what happened in this order, nothing of it before what came earlier."""
    latest: datetime | None = None
    for on, kind, key in happened:
        latest = max(on, latest or on)
        yield latest, kind, key


def next_place(records: Mapping[str, Record]) -> int:
    """Return the place of what happens next."""
    places = (max(astuple(item.places)) for item in records.values())
    return 1 + max(places, default=0)


def token_digest(token: str) -> str:
    """Return what is kept of a token: from it, nobody finds the token."""
    return sha256(token.encode()).hexdigest()


def may_be_installed(record: Record | None) -> bool:
    """Return whether the device may hold the certificate.

    What happened to a certificate without a record is not known: it may be in use.
    """
    return record is None or record.taken_on is not None
