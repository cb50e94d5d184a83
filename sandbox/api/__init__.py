"""The API under /client/v4: one module per resource; every request takes the same steps."""

import asyncio
from collections.abc import Callable
import json
import secrets
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.authority import ClientAuthorities
from sandbox.clock import CLOCK
from sandbox.faults import Fault, Faults, leave_unanswered, rate_limit_response
from sandbox.journal import Entry, Journal
from sandbox.state import State

from ..envelope import ApiError, Problem, error_response, success_response
from . import (
    access_application_policies,
    access_applications,
    access_groups,
    access_identity_providers,
    access_logs,
    access_organization,
    access_policies,
    access_policy_tests,
    access_tags,
    access_users,
    bot_management,
    certificate_packs,
    client_certificates,
    connectors,
    dns,
    firewall_events,
    hostname_associations,
    ip_access_rules,
    legacy,
    rulesets,
    tokens,
    tunnels,
    worker_routes,
    zone_settings,
    zones,
)
from .authentication import authenticate
from .permissions import PERMISSIONS, require, wrong_method
from .routing import Call, Route

RESOURCES = (
    tokens,
    zones,
    dns,
    certificate_packs,
    client_certificates,
    hostname_associations,
    rulesets,
    ip_access_rules,
    worker_routes,
    legacy,
    tunnels,
    connectors,
    access_applications,
    access_application_policies,
    access_policies,
    access_groups,
    access_identity_providers,
    access_organization,
    access_tags,
    access_users,
    access_logs,
    access_policy_tests,
    bot_management,
    zone_settings,
    firewall_events,
)
PREFIX = "/client/v4"

_OWNER = web.RequestKey("owner", str)
_STATE = web.RequestKey("state", State)


def api_application(
    state: State,
    authorities: ClientAuthorities,
    journal: Journal,
    faults: Faults,
    after_write: Callable[[], None],
) -> web.Application:
    """Build the API of a state; it says after each write that something may have changed."""
    pipeline = _Pipeline(state, authorities, journal, faults, after_write)
    application = web.Application(middlewares=[pipeline.answer])
    for resource in RESOURCES:
        for route in resource.routes.all:
            assert route.path in PERMISSIONS, f"{route.path} has no permission"
            application.router.add_route(
                route.method, route.path, pipeline.handler_for(route)
            )
    return application


class _Pipeline:
    """The steps around every endpoint: faults, token, budget, permission, journal."""

    def __init__(
        self,
        state: State,
        authorities: ClientAuthorities,
        journal: Journal,
        faults: Faults,
        after_write: Callable[[], None],
    ) -> None:
        self._after_write = after_write
        self._state = state
        self._authorities = authorities
        self._journal = journal
        self._faults = faults

    def handler_for(self, route: Route) -> Handler:
        """Return the handler of a route: check the token and its rights, then run the endpoint."""

        async def handle(request: web.Request) -> web.StreamResponse:
            token = authenticate(
                self._state, request.headers, route.path, request.remote or ""
            )
            request[_OWNER] = token.owner
            if not self._state.budget.spend(token.owner):
                return rate_limit_response(self._state.budget.seconds_left(token.owner))
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
            answer = await route.endpoint(call)
            if request.method != "GET":
                self._after_write()
            return success_response(answer)

        return handle

    @web.middleware
    async def answer(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Answer a request, with a fault if one applies, and add it to the journal."""
        CLOCK.catch_up()
        fault = self._faults.take(request.method, _path(request))
        request[_STATE] = self._faults.state_for(fault)
        if fault is None:
            real = await _real_answer(request, handler)
            await self._add_to_journal(request, real, real)
            return self._with_headers(request, real)
        # A complete request takes effect even if the client gives up during the delay.
        await request.read()
        await asyncio.sleep(fault.seconds)
        return await self._answer_with_fault(request, handler, fault)

    async def _answer_with_fault(
        self, request: web.Request, handler: Handler, fault: Fault
    ) -> web.StreamResponse:
        runs_endpoint = fault.kind.runs_endpoint
        real = await _real_answer(request, handler) if runs_endpoint else None
        sent = fault.spoil(real)
        await self._add_to_journal(request, real, sent, fault)
        if sent is None:
            await leave_unanswered(request, fault)
            return web.Response()
        return self._with_headers(request, sent)

    async def _add_to_journal(
        self,
        request: web.Request,
        real: web.Response | None,
        sent: web.Response | None,
        fault: Fault | None = None,
    ) -> None:
        self._journal.requests.append(
            Entry(
                method=request.method,
                path=_path(request),
                query=dict(request.query),
                body=_json(await request.read()),
                status=sent.status if sent is not None else 0,
                took_effect=real is not None and real.status < 400,
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


async def _real_answer(request: web.Request, handler: Handler) -> web.Response:
    try:
        response = await handler(request)
    except ApiError as error:
        return error_response(error)
    except web.HTTPMethodNotAllowed:
        return error_response(wrong_method(request.method, request.path))
    except web.HTTPNotFound:
        return error_response(ApiError(404, Problem(7000, "No route for that URI")))
    assert isinstance(response, web.Response)
    return response


def _path(request: web.Request) -> str:
    return request.path.removeprefix(PREFIX)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError, RecursionError:
        return None
