"""Routes of a zone: for which addresses its Workers run."""

from typing import Any

from sandbox.state import WorkerRoute

from ..envelope import Answer, ApiError, Problem
from .routing import Call, Routes

routes = Routes()

_ROUTES = "/zones/{zone_id}/workers/routes"


@routes.get(_ROUTES)
async def list_routes(call: Call) -> Answer:
    """List all routes; there are no pages."""
    return Answer([_route_json(each) for each in call.zone.worker_routes])


@routes.post(_ROUTES)
async def create_route(call: Call) -> Answer:
    """Create a route."""
    body = call.object(pattern=str, script=str)
    pattern = body.get("pattern") or ""
    host = pattern.removeprefix("https://").partition("/")[0]
    # GUESS: the codes and texts.
    if not call.zone.contains(host.lstrip("*.").lower()):
        raise ApiError(400, Problem(10022, "Invalid pattern"))
    if any(each.pattern == pattern for each in call.zone.worker_routes):
        message = "A route with the same pattern already exists."
        raise ApiError(409, Problem(10020, message))
    route = WorkerRoute(pattern, body.get("script"))
    call.zone.worker_routes.append(route)
    return Answer(_route_json(route))


@routes.delete(f"{_ROUTES}/{{route_id}}")
async def delete_route(call: Call) -> Answer:
    """Delete a route."""
    for route in call.zone.worker_routes:
        if route.id == call.ids["route_id"]:
            call.zone.worker_routes.remove(route)
            return Answer({"id": route.id})
    # GUESS: the code and text.
    raise ApiError(404, Problem(10007, "workers.api.error.route_not_found"))


def _route_json(route: WorkerRoute) -> dict[str, Any]:
    body = {"id": route.id, "pattern": route.pattern}
    return body if route.script is None else {**body, "script": route.script}
