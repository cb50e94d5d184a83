"""Bot Fight Mode, or Super Bot Fight Mode on a paid plan."""

from collections.abc import Mapping
from typing import Any

from sandbox.state import Plan, Zone

from ..envelope import Answer, ApiError, Problem
from .routing import Call, Routes

routes = Routes()

_BOT_MANAGEMENT = "/zones/{zone_id}/bot_management"
_EVERY_PLAN: Mapping[str, Any] = {
    "enable_js": True,
    "ai_bots_protection": "disabled",
    "crawler_protection": "disabled",
    "is_robots_txt_managed": False,
    "cf_robots_variant": "off",
}
_FREE: Mapping[str, Any] = {"fight_mode": False}
_PAID: Mapping[str, Any] = {
    "sbfm_definitely_automated": "allow",
    "sbfm_verified_bots": "allow",
    "sbfm_static_resource_protection": False,
    "optimize_wordpress": False,
}


@routes.get(_BOT_MANAGEMENT)
async def get_bot_management(call: Call) -> Answer:
    """Return the configuration."""
    return Answer(bot_management_json(call.zone))


@routes.put(_BOT_MANAGEMENT)
async def change_bot_management(call: Call) -> Answer:
    """Change the fields that the body names."""
    known = _defaults(call.zone)
    for key, value in call.object().items():
        if key not in known or type(value) is not type(known[key]):
            # GUESS: the status, code and text.
            raise ApiError(400, Problem(None, f"zone not entitled to set {key}"))
    call.zone.bot_management |= call.object()
    return Answer(bot_management_json(call.zone))


def bot_management_json(zone: Zone) -> dict[str, Any]:
    """Return the configuration as the API writes it."""
    known = _defaults(zone)
    changed = {key: zone.bot_management.get(key, known[key]) for key in known}
    return {**changed, "using_latest_model": True}


def _defaults(zone: Zone) -> dict[str, Any]:
    return {**_EVERY_PLAN, **(_FREE if zone.plan is Plan.FREE else _PAID)}
