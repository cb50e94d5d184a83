"""The hostnames of a zone whose visitors are asked for a client certificate."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from .errors import Permission
from .recent_writes import RecentWrites
from .resource import Resource
from .transport import Transport
from .whole_lists import WholeLists

# An owner may take all of them away, and then no device can show its certificate.
_BELIEVED_AFTER: Final = timedelta(hours=1)
_PERMISSION: Final = Permission.CERTIFICATES_EDIT


class HostnameAssociations(Resource):
    """The list of a zone's hostnames whose visitors are asked for a client certificate."""

    def __init__(
        self, transport: Transport, recent: RecentWrites, lists: WholeLists
    ) -> None:
        """Take what sends the requests, what was written a moment ago, and the lists as they were seen."""
        super().__init__(transport)
        self._recent = recent
        self._lists = lists

    async def get(self, zone_id: str) -> tuple[str, ...]:
        """Return the associated hostnames, as they were written last.

        Source: GET /zones/{zone_id}/certificate_authorities/hostname_associations.
        """
        result = await self._transport.result(
            "GET",
            t"/zones/{zone_id}/certificate_authorities/hostname_associations",
            _PERMISSION,
        )
        hostnames = self._recent.associations(
            zone_id, result.texts("hostnames", required=True)
        )
        self._lists.note(_name(zone_id), hostnames)
        return hostnames

    def missed(self, zone_id: str, seen: Iterable[str]) -> tuple[str, ...]:
        """Return the hostnames that a list may lack because its read lagged behind."""
        return self._recent.missed_associations(zone_id, seen)

    async def put(
        self, zone_id: str, hostnames: tuple[str, ...], *, replacing: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Replace the whole list, of which reads show the former one for a while.

        Raises Unavailable where all that others had in it is said to be gone.

        Source: PUT /zones/{zone_id}/certificate_authorities/hostname_associations.
        """
        self._lists.expect_kept(_name(zone_id), replacing, hostnames, _BELIEVED_AFTER)
        result = await self._transport.result(
            "PUT",
            t"/zones/{zone_id}/certificate_authorities/hostname_associations",
            _PERMISSION,
            body={"hostnames": list(hostnames)},
        )
        written = result.texts("hostnames")
        self._recent.associated(zone_id, replacing, written)
        self._lists.note(_name(zone_id), written)
        return written


def _name(zone_id: str) -> str:
    return f"associations of {zone_id}"
