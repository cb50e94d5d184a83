"""DNS records of a zone."""

from collections.abc import Mapping
from typing import Any, Final

from .errors import NotFound, Permission
from .models import DnsRecord
from .paging import read_all
from .resource import Resource

_PERMISSION: Final = Permission.DNS_EDIT


class Dns(Resource):
    """The DNS records of a zone."""

    async def list(self, zone_id: str) -> tuple[DnsRecord, ...]:
        """Return every DNS record of the zone.

        Source: GET /zones/{zone_id}/dns_records.
        """
        return await read_all(
            self._transport,
            DnsRecord.parse,
            t"/zones/{zone_id}/dns_records",
            _PERMISSION,
            per_page=1000,
        )

    async def create(self, zone_id: str, record: Mapping[str, Any]) -> DnsRecord:
        """Create a DNS record.

        Source: POST /zones/{zone_id}/dns_records.
        """
        return DnsRecord.parse(
            await self._transport.result(
                "POST", t"/zones/{zone_id}/dns_records", _PERMISSION, body=record
            )
        )

    async def edit(
        self, zone_id: str, record_id: str, changes: Mapping[str, Any]
    ) -> DnsRecord:
        """Change the given fields of a DNS record and no others.

        Source: PATCH /zones/{zone_id}/dns_records/{record_id}.
        """
        return DnsRecord.parse(
            await self._transport.result(
                "PATCH",
                t"/zones/{zone_id}/dns_records/{record_id}",
                _PERMISSION,
                body=changes,
            )
        )

    async def delete(self, zone_id: str, record_id: str) -> None:
        """Delete a DNS record; one that is already gone counts as deleted.

        Source: DELETE /zones/{zone_id}/dns_records/{record_id}.
        """
        try:
            await self._transport.request(
                "DELETE", t"/zones/{zone_id}/dns_records/{record_id}", _PERMISSION
            )
        except NotFound:
            return
