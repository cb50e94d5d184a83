"""The API under /client/v4: one module per resource; every request takes the same steps."""

import asyncio
from collections.abc import Callable
import secrets

from aiohttp import web

from sandbox.authority import ClientAuthorities
from sandbox.clock import CLOCK
from sandbox.faults import Fault, Faults, leave_unanswered, rate_limit_response
from sandbox.journal import Entry, Journal
from sandbox.state import State

from ..envelope import ApiError, error_response, success_response
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
from .permissions import require
from .request import Request
from .router import Router
from .routing import Call

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

_NOBODY = "nobody"


class Api:
    """Every endpoint, with the steps around it: faults, token, budget, permission, journal."""

    def __init__(
        self,
        state: State,
        authorities: ClientAuthorities,
        journal: Journal,
        faults: Faults,
        after_write: Callable[[], None],
    ) -> None:
        """Take a state; `after_write` is called whenever something may have changed."""
        self._after_write = after_write
        self._state = state
        self._authorities = authorities
        self._journal = journal
        self._faults = faults
        self._router = Router(
            route for resource in RESOURCES for route in resource.routes.all
        )

    def application(self) -> web.Application:
        """Return the web application that answers below PREFIX."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer_over_http)
        return application

    async def answer(self, request: Request) -> web.Response | Fault:
        """Answer a request, and add it to the journal; return a fault that leaves it unanswered."""
        CLOCK.catch_up()
        is_dry = "dry_run" in request.query
        fault = self._faults.take(request.method, request.path, is_dry=is_dry)
        if fault is not None:
            await asyncio.sleep(fault.seconds)
        owner, real = _NOBODY, None
        if fault is None or fault.kind.runs_endpoint:
            owner, real = await self._carry_out(request, self._faults.state_for(fault))
        sent = real if fault is None else fault.spoil(real)
        self._journal.requests.append(
            Entry(
                method=request.method,
                path=request.path,
                query=request.query,
                body=request.json(),
                status=sent.status if sent is not None else 0,
                took_effect=real is not None and real.status < 400,
                fault=fault.kind if fault is not None else None,
            )
        )
        if sent is None:
            assert fault is not None
            return fault
        self._add_headers(owner, sent)
        return sent

    async def _answer_over_http(self, request: web.Request) -> web.StreamResponse:
        answer = await self.answer(
            Request(
                request.method,
                request.rel_url,
                request.headers,
                await request.read(),
                request.remote or "",
            )
        )
        if isinstance(answer, Fault):
            await leave_unanswered(request, answer)
            return web.Response()
        return answer

    async def _carry_out(
        self, request: Request, state: State
    ) -> tuple[str, web.Response]:
        """Return the owner of the request's token, and the endpoint's answer."""
        owner = _NOBODY
        try:
            route, ids = self._router.find(request)
            token = authenticate(
                self._state, request.headers, route.path, request.remote
            )
            owner, budget = token.owner, self._state.budget
            if not budget.spend(owner):
                return owner, rate_limit_response(budget.seconds_left(owner))
            require(self._state, token, route, ids, request.json())
            answer = await route.endpoint(
                Call(
                    state, self._authorities, token, ids, request.query, request.json()
                )
            )
        except ApiError as error:
            return owner, error_response(error)
        if request.method != "GET":
            self._after_write()
        return owner, success_response(answer)

    def _add_headers(self, owner: str, response: web.Response) -> None:
        budget = self._state.budget
        left, seconds = budget.left(owner), budget.seconds_left(owner)
        response.headers["Server"] = "cloudflare"
        response.headers["CF-Ray"] = f"{secrets.token_hex(8)}-FRA"
        response.headers["Ratelimit"] = f'"default";r={left};t={seconds}'
        policy = f'"default";q={budget.limit};w={budget.seconds}'
        response.headers["Ratelimit-Policy"] = policy
