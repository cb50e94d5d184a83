"""What the control routes of every part have in common."""

from dataclasses import fields
from typing import Any

from aiohttp import web


async def list_routes(request: web.Request) -> web.Response:
    """List the control routes, those of the parts below included."""
    routes = {
        f"{route.method} {route.resource.canonical}": route.handler.__doc__
        for route in request.match_info.apps[0].router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith(request.path)
        and route.method != "HEAD"
    }
    return web.json_response(routes)


async def known_body(request: web.Request, form: type, *more: str) -> dict[str, Any]:
    """Return the body; refuse keys that are not fields of a dataclass or listed in `more`."""
    body: dict[str, Any] = await request.json()
    known = {*more, *(field.name for field in fields(form))}
    if body.keys() - known:
        raise web.HTTPBadRequest(text=f"known: {', '.join(sorted(known))}")
    return body
