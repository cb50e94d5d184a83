"""Zones, as the token can see them."""

from .errors import Permission
from .models import Zone
from .paging import read_all
from .resource import Resource


class Zones(Resource):
    """The zones that the token can see."""

    async def list(self) -> tuple[Zone, ...]:
        """Return the zones that the token can see: none where it may not read zones.

        Source: GET /zones.
        """
        return await read_all(
            self._transport, Zone.parse, t"/zones", Permission.ZONE_READ, per_page=50
        )

    async def get(self, zone_id: str) -> Zone:
        """Return a zone.

        Source: GET /zones/{zone_id}.
        """
        return Zone.parse(
            await self._transport.result(
                "GET", t"/zones/{zone_id}", Permission.ZONE_READ
            )
        )
