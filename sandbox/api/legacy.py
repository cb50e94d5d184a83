"""The endpoints that rulesets replaced; Cloudflare has removed them."""

from ..envelope import Answer, ApiError, Problem
from .routing import Call, Routes

routes = Routes()


@routes.get("/zones/{zone_id}/firewall/rules")
@routes.get("/zones/{zone_id}/filters")
@routes.get("/zones/{zone_id}/rate_limits")
async def refuse(_: Call) -> Answer:
    """Refuse, and name the API to use instead."""
    message = "This API has been deprecated. Please use the Rulesets API instead"
    # GUESS: that the code is null.
    raise ApiError(410, Problem(None, message))
