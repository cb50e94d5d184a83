"""Bot Fight Mode of a zone."""

from .errors import Permission
from .resource import Resource


class BotManagement(Resource):
    """What stops bots in a zone; paid plans have something else in place of Bot Fight Mode."""

    async def get_fight_mode(self, zone_id: str) -> bool:
        """Return whether Bot Fight Mode is on.

        Source: GET /zones/{zone_id}/bot_management.
        """
        result = await self._transport.result(
            "GET", t"/zones/{zone_id}/bot_management", Permission.BOTS_READ
        )
        return result.flag("fight_mode", default=False)

    async def put_fight_mode(self, zone_id: str, *, enabled: bool) -> bool:
        """Turn Bot Fight Mode on or off, change nothing else, and return whether it is on now.

        Source: PUT /zones/{zone_id}/bot_management changes what the body names.
        """
        result = await self._transport.result(
            "PUT",
            t"/zones/{zone_id}/bot_management",
            Permission.BOTS_EDIT,
            body={"fight_mode": enabled},
        )
        return result.flag("fight_mode", default=False)
