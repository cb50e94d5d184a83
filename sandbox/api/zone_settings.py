"""Settings of a zone."""

from typing import Any

from sandbox.clock import now
from sandbox.state import Setting, Zone
from sandbox.zone_settings import VALUES, setting

from ..envelope import Answer, ApiError, Problem, microseconds
from .routing import Call, Routes

routes = Routes()

_SETTINGS = "/zones/{zone_id}/settings"
_SETTING = "/zones/{zone_id}/settings/{setting_id}"


@routes.get(_SETTINGS)
async def list_settings(call: Call) -> Answer:
    """List all settings; Cloudflare has deprecated this endpoint."""
    return Answer([_setting_json(call.zone, name) for name in VALUES])


@routes.get(_SETTING)
async def get_setting(call: Call) -> Answer:
    """Return one setting."""
    return Answer(_setting_json(call.zone, _name(call)))


@routes.patch(_SETTING)
async def change_setting(call: Call) -> Answer:
    """Change a setting."""
    name, value = _name(call), call.object().get("value")
    if value not in VALUES[name]:
        # GUESS: the code and text.
        raise ApiError(400, Problem(1007, f"Invalid value for zone setting {name}"))
    call.zone.settings[name] = Setting(value, now())
    return Answer(_setting_json(call.zone, name))


def _name(call: Call) -> str:
    name = call.ids["setting_id"]
    if name not in VALUES:
        # GUESS: the status, code and text.
        raise ApiError(400, Problem(1003, f"Undefined zone setting: {name}"))
    return name


def _setting_json(zone: Zone, name: str) -> dict[str, Any]:
    changed = zone.settings.get(name)
    return {
        "id": name,
        "value": setting(zone, name),
        "editable": True,
        "modified_on": microseconds(changed.modified_on) if changed else None,
    }
