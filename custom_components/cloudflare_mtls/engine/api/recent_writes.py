"""What was written a moment ago, which Cloudflare may not show yet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import time
from typing import Final

from .models import CertificateStatus, ClientCertificate

# Reads of associations lag by up to this, those of certificates by about 60 seconds.
LAG: Final = timedelta(seconds=75)


@dataclass(frozen=True)
class _Associations:
    at: float
    hostnames: tuple[str, ...]
    earlier: tuple[frozenset[str], ...]


class RecentWrites:
    """Corrects what is read by what was written, as long as reads lag behind writes.

    Otherwise a list that is read too early would look like drift, and be written again.
    """

    def __init__(self) -> None:
        """Begin with nothing written."""
        self._associations: dict[str, _Associations] = {}
        # By zone: when each hostname was last read in the list of associated ones.
        self._read: dict[str, dict[str, float]] = {}
        self._created: dict[str, list[tuple[float, ClientCertificate]]] = {}
        self._revoked: dict[str, float] = {}
        self._restored: dict[str, float] = {}
        self._perhaps_restored: dict[str, float] = {}

    def associated(
        self, zone_id: str, before: Iterable[str], hostnames: tuple[str, ...]
    ) -> None:
        """Remember the list of associated hostnames that replaced another."""
        known = self._associations.get(zone_id)
        earlier = known.earlier if known and _lags(known.at) else ()
        replaced = frozenset(before)
        self._associations[zone_id] = _Associations(
            time.monotonic(), hostnames, (*earlier, replaced)
        )
        read = self._read.setdefault(zone_id, {})
        for removed in replaced - set(hostnames):
            read.pop(removed, None)

    def associations(self, zone_id: str, seen: tuple[str, ...]) -> tuple[str, ...]:
        """Return the list that was written, where reads still show the one that it replaced.

        Once a read has shown the written list, a different list was written later.
        """
        known = self._associations.get(zone_id)
        if known and _lags(known.at) and frozenset(seen) in known.earlier:
            return known.hostnames
        self._associations.pop(zone_id, None)
        read = self._read.get(zone_id, {})
        self._read[zone_id] = {
            name: at for name, at in read.items() if _lags(at)
        } | dict.fromkeys(seen, time.monotonic())
        return seen

    def missed_associations(self, zone_id: str, seen: Iterable[str]) -> tuple[str, ...]:
        """Return the hostnames that a read may lack although they are associated.

        They were read so recently that this read may be of a moment before they were added.
        """
        read, seen = self._read.get(zone_id, {}), set(seen)
        return tuple(name for name in read if name not in seen and _holds(read, name))

    def created(self, zone_id: str, certificate: ClientCertificate) -> None:
        """Remember a certificate that may not be listed yet."""
        created = self._created.setdefault(zone_id, [])
        created[:] = [item for item in created if _lags(item[0])]
        created.append((time.monotonic(), certificate))

    def revoked(self, certificate_id: str, asked_at: float) -> None:
        """Remember a certificate that may still be listed as active.

        asked_at: the monotonic time of the request; answers may come in another order.
        """
        if asked_at >= self._restored.get(certificate_id, asked_at):
            self._revoked[certificate_id] = asked_at
            self._restored.pop(certificate_id, None)
            self._perhaps_restored.pop(certificate_id, None)

    def restored(self, certificate_id: str, asked_at: float) -> None:
        """Remember a certificate that may still be listed as revoked, as asked for then."""
        if asked_at >= self._revoked.get(certificate_id, asked_at):
            self._restored[certificate_id] = asked_at
            self._revoked.pop(certificate_id, None)

    def recall(
        self,
        *,
        revoked: Mapping[str, datetime],
        restored: Mapping[str, datetime],
        perhaps_restored: Mapping[str, datetime],
        now: datetime,
    ) -> None:
        """Remember what was written before a restart, and when, by the certificates' ids.

        Of what the clock says is still to come, nobody knows how long ago it was: only what may let
        somebody in counts as written now.
        """
        for times, note in ((revoked, self.revoked), (restored, self.restored)):
            for certificate_id, on in times.items():
                if on <= now:
                    note(certificate_id, time.monotonic() - (now - on).total_seconds())
        for certificate_id, on in perhaps_restored.items():
            age = max(now - on, timedelta()).total_seconds()
            self.perhaps_restored(certificate_id, time.monotonic() - age)

    def uncertain(self, certificate_id: str) -> None:
        """Believe what is listed of a certificate: nobody knows whether it was changed."""
        self._revoked.pop(certificate_id, None)
        self._restored.pop(certificate_id, None)

    def perhaps_restored(self, certificate_id: str, at: float) -> None:
        """Remember a certificate that may be restored since a monotonic time: nobody saw the answer."""
        self.uncertain(certificate_id)
        self._perhaps_restored[certificate_id] = at

    def certificates(
        self, zone_id: str, listed: tuple[ClientCertificate, ...]
    ) -> tuple[ClientCertificate, ...]:
        """Return the zone's certificates as they will be listed once reads have caught up."""
        ids = {certificate.id for certificate in listed}
        missing = [
            certificate
            for at, certificate in self._created.get(zone_id, ())
            if _lags(at) and certificate.id not in ids
        ]
        return tuple(self._as_written(item) for item in (*listed, *missing))

    def _as_written(self, certificate: ClientCertificate) -> ClientCertificate:
        status: CertificateStatus | None
        match certificate.status:
            case CertificateStatus.ACTIVE | CertificateStatus.PENDING_REACTIVATION if (
                _holds(self._revoked, certificate.id)
            ):
                status = CertificateStatus.PENDING_REVOCATION
            case CertificateStatus.PENDING_REVOCATION | CertificateStatus.REVOKED if (
                _holds(self._restored, certificate.id)
            ):
                status = CertificateStatus.PENDING_REACTIVATION
            case CertificateStatus.PENDING_REVOCATION | CertificateStatus.REVOKED if (
                _holds(self._perhaps_restored, certificate.id)
            ):
                status = None
            case _:
                return certificate
        return replace(certificate, status=status)


def _holds(times: Mapping[str, float], key: str) -> bool:
    at = times.get(key)
    return at is not None and _lags(at)


def _lags(at: float) -> bool:
    return time.monotonic() - at < LAG.total_seconds()
