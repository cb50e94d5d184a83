"""The API under /client/v4: one module per resource, one way through for all."""

import asyncio
import json
import secrets
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.authority import ClientAuthorities
from sandbox.clock import CLOCK
from sandbox.faults import Fault, Faults, never_answer, rate_limited
from sandbox.journal import Entry, Journal
from sandbox.state import State

from . import (
    access_applications,
    access_organization,
    access_policies,
    bot_management,
    client_certificates,
    connectors,
    dns,
    firewall_events,
    hostname_associations,
    legacy,
    rulesets,
    tokens,
    tunnels,
    zone_settings,
    zones,
)
from .authentication import authenticate
from .envelope import ApiError, Problem, bad, good
from .permissions import PERMISSIONS, require, wrong_method
from .routing import Call, Route

RESOURCES = (
    tokens,
    zones,
    dns,
    client_certificates,
    hostname_associations,
    rulesets,
    legacy,
    tunnels,
    connectors,
    access_applications,
    access_policies,
    access_organization,
    bot_management,
    zone_settings,
    firewall_events,
)
PREFIX = "/client/v4"

_OWNER = web.RequestKey("owner", str)
_STATE = web.RequestKey("state", State)


def api_application(
    state: State, authorities: ClientAuthorities, journal: Journal, faults: Faults
) -> web.Application:
    """Build the API over a state."""
    gate = _Gate(state, authorities, journal, faults)
    application = web.Application(middlewares=[gate.answer])
    for resource in RESOURCES:
        for route in resource.routes.all:
            assert route.path in PERMISSIONS, f"{route.path} has no permission"
            application.router.add_route(route.method, route.path, gate.to(route))
    return application


class _Gate:
    """Lets a request through to its endpoint: authenticated, permitted, noted."""

    def __init__(
        self,
        state: State,
        authorities: ClientAuthorities,
        journal: Journal,
        faults: Faults,
    ) -> None:
        self._state = state
        self._authorities = authorities
        self._journal = journal
        self._faults = faults

    def to(self, route: Route) -> Handler:
        """Make the handler of a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            token = authenticate(
                self._state, request.headers, route.path, request.remote or ""
            )
            request[_OWNER] = token.owner
            if not self._state.budget.spend(token.owner):
                return rate_limited(self._state.budget.seconds_left(token.owner))
            ids = request.match_info
            require(self._state, token, route, ids)
            call = Call(
                request[_STATE],
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
        """Answer every request, in the envelope or spoiled by a fault, and note it."""
        CLOCK.catch_up()
        fault = self._faults.take(request.method, _path(request))
        request[_STATE] = self._faults.state_for(fault)
        if fault is None:
            truth = await _answered(request, handler)
            await self._note(request, truth, truth)
            return self._with_headers(request, truth)
        # What came whole takes effect, even if its sender is gone by then.
        await request.read()
        await asyncio.sleep(fault.seconds)
        return await self._spoiled(request, handler, fault)

    async def _spoiled(
        self, request: web.Request, handler: Handler, fault: Fault
    ) -> web.StreamResponse:
        lets_through = fault.kind.lets_through
        truth = await _answered(request, handler) if lets_through else None
        told = fault.spoil(truth)
        await self._note(request, truth, told, fault)
        if told is None:
            await never_answer(request, fault)
            return web.Response()
        return self._with_headers(request, told)

    async def _note(
        self,
        request: web.Request,
        truth: web.Response | None,
        told: web.Response | None,
        fault: Fault | None = None,
    ) -> None:
        self._journal.requests.append(
            Entry(
                method=request.method,
                path=_path(request),
                query=dict(request.query),
                body=_json(await request.read()),
                status=told.status if told is not None else 0,
                took_effect=truth is not None and truth.status < 400,
                fault=fault.kind if fault is not None else None,
            )
        )

    def _with_headers(
        self, request: web.Request, response: web.Response
    ) -> web.Response:
        budget, owner = self._state.budget, request.get(_OWNER, "nobody")
        left, seconds = budget.left(owner), budget.seconds_left(owner)
        response.headers["Server"] = "cloudflare"
        response.headers["CF-Ray"] = f"{secrets.token_hex(8)}-FRA"
        response.headers["Ratelimit"] = f'"default";r={left};t={seconds}'
        policy = f'"default";q={budget.limit};w={budget.seconds}'
        response.headers["Ratelimit-Policy"] = policy
        return response


async def _answered(request: web.Request, handler: Handler) -> web.Response:
    try:
        response = await handler(request)
    except ApiError as error:
        return bad(error)
    except web.HTTPMethodNotAllowed:
        return bad(wrong_method(request.method, request.path))
    except web.HTTPNotFound:
        return bad(ApiError(404, Problem(7000, "No route for that URI")))
    assert isinstance(response, web.Response)
    return response


def _path(request: web.Request) -> str:
    return request.path.removeprefix(PREFIX)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
