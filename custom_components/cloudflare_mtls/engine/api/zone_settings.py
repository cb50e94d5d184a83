"""Settings of a zone."""

from .errors import Permission
from .models import Setting
from .resource import Resource


class ZoneSettings(Resource):
    """The settings of a zone, one by one: Cloudflare deprecated the list of all."""

    async def get(self, zone_id: str, setting: Setting) -> str:
        """Return the value of a setting; raise Rejected where the zone's plan has no such one.

        Source: GET /zones/{zone_id}/settings/{setting_id}.
        """
        result = await self._transport.result(
            "GET", t"/zones/{zone_id}/settings/{setting}", Permission.SETTINGS_READ
        )
        return result.text("value")

    async def edit(self, zone_id: str, setting: Setting, value: str) -> str:
        """Change a setting and return its new value.

        Source: PATCH /zones/{zone_id}/settings/{setting_id}.
        """
        result = await self._transport.result(
            "PATCH",
            t"/zones/{zone_id}/settings/{setting}",
            Permission.SETTINGS_EDIT,
            body={"value": value},
        )
        return result.text("value")
