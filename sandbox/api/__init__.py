"""The API under /client/v4: one module per resource, one way through for all."""

import json
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.authority import ClientAuthorities
from sandbox.journal import Entry, Journal
from sandbox.state import State

from . import (
    client_certificates,
    dns,
    hostname_associations,
    rulesets,
    tokens,
    tunnels,
    zones,
)
from .authentication import authenticate
from .envelope import ApiError, Problem, bad, good
from .permissions import PERMISSIONS, require
from .routing import Call, Route

RESOURCES = (
    tokens,
    zones,
    dns,
    client_certificates,
    hostname_associations,
    rulesets,
    tunnels,
)


def api_application(
    state: State, authorities: ClientAuthorities, journal: Journal
) -> web.Application:
    """Build the API over a state."""
    gate = _Gate(state, authorities, journal)
    application = web.Application(middlewares=[gate.answer])
    for resource in RESOURCES:
        for route in resource.routes.all:
            assert route.path in PERMISSIONS, f"{route.path} has no permission"
            application.router.add_route(route.method, route.path, gate.to(route))
    return application


class _Gate:
    """Lets a request through to its endpoint: authenticated, permitted, noted."""

    def __init__(
        self, state: State, authorities: ClientAuthorities, journal: Journal
    ) -> None:
        self._state = state
        self._authorities = authorities
        self._journal = journal

    def to(self, route: Route) -> Handler:
        """Make the handler of a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            token = authenticate(self._state, request.headers, route.path)
            ids = request.match_info
            require(self._state, token, route, ids)
            call = Call(
                self._state,
                self._authorities,
                token,
                ids,
                dict(request.query),
                _json(await request.read()),
            )
            return good(await route.endpoint(call))

        return handle

    @web.middleware
    async def answer(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Answer every refusal in the envelope, and note every request."""
        try:
            response = await handler(request)
        except ApiError as error:
            response = bad(error)
        except web.HTTPMethodNotAllowed:
            response = bad(_wrong_method(request.method))
        except web.HTTPNotFound:
            response = bad(ApiError(404, Problem(7000, "No route for that URI")))
        self._journal.requests.append(
            Entry(
                method=request.method,
                path=request.path.removeprefix("/client/v4"),
                query=dict(request.query),
                body=_json(await request.read()),
                status=response.status,
            )
        )
        return response


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _wrong_method(method: str) -> ApiError:
    message = f"{method} method not allowed for the api_token authentication scheme"
    return ApiError(405, Problem(10000, message))
