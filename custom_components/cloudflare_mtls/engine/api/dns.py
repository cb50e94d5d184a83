"""DNS records of a zone."""

from collections.abc import Mapping
from typing import Any, Final

from .errors import NotFound, Permission, expect_agreement
from .models import DnsRecord
from .paging import read_all
from .resource import Resource
from .transport import Transport
from .whole_lists import WholeLists

_PERMISSION: Final = Permission.DNS_EDIT
# Of records that are said to be gone, so many are asked for.
_ASKED_FOR: Final = 5


class Dns(Resource):
    """The DNS records of a zone."""

    def __init__(self, transport: Transport, lists: WholeLists) -> None:
        """Take what sends the requests, and the lists as they were seen."""
        super().__init__(transport)
        self._lists = lists

    async def list(self, zone_id: str) -> tuple[DnsRecord, ...]:
        """Return every DNS record of the zone.

        Raises Unavailable where the list is empty and records that it held are still there.

        Source: GET /zones/{zone_id}/dns_records.
        """
        records = await read_all(
            self._transport,
            DnsRecord.parse,
            t"/zones/{zone_id}/dns_records",
            _PERMISSION,
            per_page=1000,
        )
        name = f"records of {zone_id}"
        if not records:
            for record_id in sorted(self._lists.last(name))[:_ASKED_FOR]:
                expect_agreement(not await self._exists(zone_id, record_id))
            self._lists.forget(name)
        self._lists.note(name, (record.id for record in records))
        return records

    async def _exists(self, zone_id: str, record_id: str) -> bool:
        """Return whether a DNS record is there.

        Source: GET /zones/{zone_id}/dns_records/{record_id}.
        """
        try:
            await self._transport.request(
                "GET", t"/zones/{zone_id}/dns_records/{record_id}", _PERMISSION
            )
        except NotFound:
            return False
        return True

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
