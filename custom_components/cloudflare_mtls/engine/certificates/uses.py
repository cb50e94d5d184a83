"""How companion devices use their certificates, as far as the edge told (pure)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from .companions import CompanionState
from .records import Record

# A phone in a drawer, and no journey.
_LONG: Final = timedelta(days=90)
# A user may register as many apps as they like.
_APPS: Final = 8


class CertificateInUse(StrEnum):
    """Which of its certificates a device used last."""

    NEWEST = "newest"
    OLDER = "older"


@dataclass(frozen=True, kw_only=True)
class DeviceUse:
    """When a companion device last used a certificate, and which one; None where nothing was told.

    fingerprint: the SHA-256 of the certificate, in lowercase hex.
    """

    last_seen: datetime | None = None
    fingerprint: str | None = None

    def certificate_in_use(
        self, companion: CompanionState | None
    ) -> CertificateInUse | None:
        """Return which of its certificates the device used, None where it is not known."""
        if self.fingerprint is None or companion is None or companion.current is None:
            return None
        newest = companion.current.facts.fingerprint_sha256
        return (
            CertificateInUse.NEWEST
            if self.fingerprint == newest
            else CertificateInUse.OLDER
        )


@dataclass(frozen=True)
class Apps:
    """The companion apps that sent requests with one certificate, as far as the edge told.

    recent: those that did so last, by their ids, oldest first.
    sharing: those that use it in turn, so that none took the place of another.
    """

    recent: tuple[str, ...] = ()
    sharing: frozenset[str] = frozenset()

    def after(self, app_id: str) -> Apps:
        """Return the apps after one of them sent a request.

        An app that is installed again has another id, and its former one is never heard of again.
        So only an app that comes back after another one shows that there are two.
        """
        if self.recent[-1:] == (app_id,):
            return self
        returned = {app_id, self.recent[-1]} if app_id in self.recent else ()
        others = tuple(item for item in self.recent if item != app_id)
        return Apps((*others, app_id)[-_APPS:], self.sharing.union(returned))


def old_one_ends(
    companion: CompanionState,
    record: Record | None,
    last_use: Callable[[str], datetime | None],
) -> datetime | None:
    """Return when an older certificate is revoked that a device used since it has the newest one.

    The record is that of the newest one, and last_use says by SHA-256 fingerprint when a
    certificate was last used. None where no older one was used since, or none is revoked.
    """
    if record is None or (since := record.proven_on or record.taken_on) is None:
        return None
    uses = (
        last_use(item.facts.fingerprint_sha256)
        for item in companion.certificates
        if item.is_active and item != companion.current
    )
    return record.revokes_old_on if any(use and use > since for use in uses) else None


def unused_since(
    companion: CompanionState,
    record: Record | None,
    use: DeviceUse,
    told_since: datetime | None,
    now: datetime,
) -> datetime | None:
    """Return since when a device has used no certificate, if that is long and it could have.

    The record is that of its newest certificate. told_since is since when the edge is heard of every
    hostname that the device may use; None where it is not, so that nobody would know.
    """
    current = companion.current
    if told_since is None or current is None or not current.gets_in(now):
        return None
    given = record.taken_on if record else current.facts.issued_on
    if given is None:
        return None
    since = max(use.last_seen or given, told_since)
    return since if now - since >= _LONG else None
