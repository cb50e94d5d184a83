"""Fetches the certificates of several zones."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

from ..api.ask_each import ask_each
from ..api.client import CloudflareClient
from ..api.errors import EngineError, Unavailable
from ..run_blocking import RunBlocking
from .certificate import Certificate, ListedCertificate
from .facts import read_certificates


@dataclass(frozen=True, kw_only=True)
class CertificateList:
    """The client certificates of several zones, and the zones that could not be read.

    has_all_zones: whether all zones of the account are among them, as far as the token reaches.
    """

    certificates: tuple[ListedCertificate, ...]
    read_zones: frozenset[str]
    failed: Mapping[str, EngineError]
    has_all_zones: bool = False

    @property
    def is_complete(self) -> bool:
        """Return whether what is not listed is not there."""
        return self.error is None

    def judged_by(self, zone_ids: Collection[str]) -> Self:
        """Return the list as one of these zones: what failed in others is none of its failures."""
        failed = {key: err for key, err in self.failed.items() if key in zone_ids}
        return replace(self, failed=failed)

    @property
    def error(self) -> EngineError | None:
        """Return what kept certificates from being listed, None where all are."""
        if self.failed:
            return next(iter(self.failed.values()))
        return None if self.has_all_zones else Unavailable("zones")

    @property
    def is_unknown(self) -> bool:
        """Return whether there are zones, and none of them could be read."""
        return bool(self.failed) and not self.read_zones

    def raise_if_unknown(self) -> None:
        """Raise the first EngineError if none of the zones could be read."""
        if self.is_unknown:
            self.raise_if_incomplete()

    def raise_if_incomplete(self) -> None:
        """Raise what kept certificates from being listed, if something did."""
        if error := self.error:
            raise error


async def fetch_certificates(
    client: CloudflareClient,
    zone_ids: Iterable[str],
    run_blocking: RunBlocking,
    known: Collection[str] = (),
) -> CertificateList:
    """Return every client certificate of these zones, by zone.

    Of a zone with thousands, revoked ones are left out unless their ids are known.
    Raises TokenRejected and RateLimited; other errors keep one zone from being read.
    Source: GET /zones/{zone_id}/client_certificates.
    """
    read = partial(client.client_certificates.list, known=known)
    listed = await ask_each(sorted(set(zone_ids)), read)
    certificates = tuple(
        [
            ListedCertificate(id=item.id, zone_id=zone_id, status=item.status)
            if facts is None
            else Certificate(
                id=item.id, zone_id=zone_id, status=item.status, facts=facts
            )
            for zone_id, found in listed.found.items()
            for item, facts in await run_blocking(read_certificates, found)
        ]
    )
    return CertificateList(
        certificates=certificates,
        read_zones=frozenset(listed.found),
        failed=listed.failed,
    )
