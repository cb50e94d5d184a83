"""Client certificates of a zone."""

import asyncio
from collections.abc import Collection, Iterable
from itertools import chain
import time
from typing import Final

from .errors import NotFound, Permission, Rejected, TooManyPages, Unavailable
from .json_fields import Fields
from .models import CertificateStatus, ClientCertificate
from .paging import MAX_PAGES, read_all
from .recent_writes import RecentWrites
from .resource import Resource
from .transport import Transport

_PERMISSION: Final = Permission.CERTIFICATES_EDIT
_ALREADY_REVOKED: Final = 1407
# A thousand certificates: a quota of a hundred, and what became of former ones.
_READABLE_PAGES: Final = 20
_NOT_REVOKED: Final = tuple(
    status for status in CertificateStatus if status is not CertificateStatus.REVOKED
)


class ClientCertificates(Resource):
    """The client certificates of a zone."""

    def __init__(self, transport: Transport, recent: RecentWrites) -> None:
        """Take what sends the requests, and what was written a moment ago."""
        super().__init__(transport)
        self._recent = recent

    async def list(
        self, zone_id: str, known: Collection[str] = ()
    ) -> tuple[ClientCertificate, ...]:
        """Return the zone's client certificates, including the revoked ones.

        Cloudflare never deletes one: of a zone with thousands, only those are returned that are
        not revoked, which a quota limits, and those of the known ids.

        Source: GET /zones/{zone_id}/client_certificates; without a status it lists active ones.
        """
        try:
            listed = await self._list(zone_id, "all", max_pages=_READABLE_PAGES)
        except TooManyPages:
            found = await asyncio.gather(
                *(self._list(zone_id, status) for status in _NOT_REVOKED)
            )
            listed = tuple(chain.from_iterable(found))
            missed = set(known).difference(item.id for item in listed)
            listed += await self._find(zone_id, missed)
        return self._recent.certificates(zone_id, listed)

    async def _list(
        self, zone_id: str, status: str, *, max_pages: int = MAX_PAGES
    ) -> tuple[ClientCertificate, ...]:
        return await read_all(
            self._transport,
            ClientCertificate.parse,
            t"/zones/{zone_id}/client_certificates",
            _PERMISSION,
            per_page=50,
            max_pages=max_pages,
            status=status,
        )

    async def _find(
        self, zone_id: str, certificate_ids: Iterable[str]
    ) -> tuple[ClientCertificate, ...]:
        """Return those certificates of a zone that have these ids."""
        found = await asyncio.gather(
            *(self._get(zone_id, item) for item in sorted(certificate_ids))
        )
        return tuple(item for item in found if item)

    async def _get(self, zone_id: str, certificate_id: str) -> ClientCertificate | None:
        """Return a certificate of a zone, or None if another zone has it.

        Source: GET /zones/{zone_id}/client_certificates/{certificate_id}.
        """
        try:
            result = await self._transport.result(
                "GET",
                t"/zones/{zone_id}/client_certificates/{certificate_id}",
                _PERMISSION,
            )
        except NotFound:
            return None
        return ClientCertificate.parse(result)

    async def create(
        self, zone_id: str, csr: str, validity_days: int
    ) -> ClientCertificate:
        """Have a certificate signed; two calls create two.

        Source: POST /zones/{zone_id}/client_certificates.
        """
        certificate = ClientCertificate.parse(
            await self._transport.result(
                "POST",
                t"/zones/{zone_id}/client_certificates",
                _PERMISSION,
                body={"csr": csr, "validity_days": validity_days},
            )
        )
        self._recent.created(zone_id, certificate)
        return certificate

    async def revoke(self, zone_id: str, certificate_id: str) -> CertificateStatus:
        """Revoke a certificate; one that is already revoked counts as revoked.

        Source: DELETE /zones/{zone_id}/client_certificates/{certificate_id}.
        """
        asked_at = time.monotonic()
        try:
            envelope = await self._transport.request(
                "DELETE",
                t"/zones/{zone_id}/client_certificates/{certificate_id}",
                _PERMISSION,
            )
        except Rejected as err:
            if err.code == _ALREADY_REVOKED:
                self._recent.revoked(certificate_id, asked_at)
                return CertificateStatus.REVOKED
            raise
        except Unavailable:
            self._recent.uncertain(certificate_id)
            raise
        self._recent.revoked(certificate_id, asked_at)
        # Some answers say nothing but that it succeeded.
        result = envelope.object("result") or Fields({})
        if result.optional_text("status") == CertificateStatus.REVOKED:
            return CertificateStatus.REVOKED
        return CertificateStatus.PENDING_REVOCATION

    async def restore(self, zone_id: str, certificate_id: str) -> CertificateStatus:
        """Make a revoked certificate valid again; raise Rejected for one that is not revoked.

        Source: PATCH /zones/{zone_id}/client_certificates/{certificate_id}.
        """
        asked_at = time.monotonic()
        try:
            envelope = await self._transport.request(
                "PATCH",
                t"/zones/{zone_id}/client_certificates/{certificate_id}",
                _PERMISSION,
                body={"reactivate": True},
            )
        except Unavailable:
            self._recent.perhaps_restored(certificate_id, time.monotonic())
            raise
        self._recent.restored(certificate_id, asked_at)
        # Some answers to a revocation say nothing but that it succeeded: this may be the same.
        result = envelope.object("result") or Fields({})
        if result.optional_text("status") == CertificateStatus.ACTIVE:
            return CertificateStatus.ACTIVE
        return CertificateStatus.PENDING_REACTIVATION
