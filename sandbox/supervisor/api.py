"""The Supervisor's API, as far as Home Assistant asks for apps.

Source: Supervisor of 2026-08-21, api/apps.py, api/store.py and api/middleware/security.py.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
import json
from typing import Any

from aiohttp import web

from sandbox.clock import CLOCK
from sandbox.journal import Entry

from .app import App
from .documents import info_document, list_document, store_document
from .envelope import (
    NotInstalledError,
    SupervisorError,
    error_response,
    success_response,
)
from .faults import FaultKind
from .machine import Machine
from .schema import InvalidOptionsError
from .surroundings import ACCEPTED, DOCUMENTS

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PING = "/supervisor/ping"
_OTHER_SETTINGS = {
    "audio_input",
    "audio_output",
    "auto_update",
    "boot",
    "ingress_panel",
    "network",
    "watchdog",
}


def supervisor_application(machine: Machine) -> web.Application:
    """Build the API of a Supervisor."""
    api = _Api(machine)
    application = web.Application(middlewares=[api.watch, api.authenticate])
    application.add_routes(
        [
            web.get(_PING, api.ping),
            web.get("/addons", api.list_apps),
            web.get("/addons/{slug}/info", api.get_info),
            web.get("/addons/{slug}/logs", api.get_log),
            web.post("/addons/{slug}/options", api.set_options),
            web.post("/addons/{slug}/options/validate", api.validate_options),
            web.post("/addons/{slug}/restart", api.restart),
            web.post("/addons/{slug}/start", api.start),
            web.post("/addons/{slug}/stop", api.stop),
            web.get("/store/addons/{slug}", api.get_store_info),
            web.post("/supervisor/update", api.update),
            *(web.get(path, api.get_document) for path in DOCUMENTS),
            *(web.post(path, api.accept) for path in ACCEPTED),
        ]
    )
    return application


class _Api:
    """The endpoints, and what is around each of them."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Apply faults and record the call."""
        CLOCK.catch_up()
        text = await request.text()
        fault = self._machine.faults.take(request.method, request.path)
        response: web.StreamResponse
        if fault is not None and not fault.kind.runs_endpoint:
            response, took_effect = fault.answer(), False
        else:
            response = await _answer(request, handler)
            took_effect = response.status < 400
        self._machine.journal.requests.append(
            Entry(
                method=request.method,
                path=request.path,
                query=request.query,
                body=_parsed(text),
                status=response.status,
                took_effect=took_effect,
                fault=fault.kind if fault else None,
            )
        )
        if fault is not None:
            if fault.kind is FaultKind.EDITED_AFTER:
                self._installed(request).user_options = dict(fault.options or {})
            await _keep_waiting(request, fault.seconds)
            if fault.kind is FaultKind.RESET_AFTER and request.transport is not None:
                request.transport.abort()
        return response

    @web.middleware
    async def authenticate(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Let nobody in without Home Assistant's token."""
        if request.path != _PING:
            token = request.headers.get("X-Supervisor-Token") or request.headers.get(
                "Authorization", ""
            )
            if not token:
                raise web.HTTPUnauthorized
            if token.split(" ")[-1] != self._machine.token:
                raise web.HTTPForbidden
        return await handler(request)

    async def ping(self, _: web.Request) -> web.Response:
        """Return whether the Supervisor is ready for Home Assistant."""
        if not self._machine.ready:
            raise web.HTTPServiceUnavailable
        return success_response()

    async def list_apps(self, _: web.Request) -> web.Response:
        """List the installed apps."""
        apps = [list_document(app) for app in self._machine.apps.values()]
        return success_response({"addons": apps})

    async def get_info(self, request: web.Request) -> web.Response:
        """Return all about an app; of one that is not installed, what the store knows."""
        try:
            return success_response(info_document(self._installed(request)))
        except NotInstalledError:
            slug = request.match_info["slug"]
            manifest = self._machine.store[slug]
            document = store_document(slug, manifest, None)
            more = {"state": "unknown", "options": dict(manifest.options)}
            return success_response(document | more)

    async def get_log(self, request: web.Request) -> web.Response:
        """Return what an app has logged."""
        return web.Response(text="\n".join([*self._installed(request).log, ""]))

    async def set_options(self, request: web.Request) -> web.Response:
        """Replace the options of the user as a whole; null resets them."""
        app = self._installed(request)
        body = await _json(request)
        if body.keys() & _OTHER_SETTINGS:
            raise SupervisorError("The sandbox stores only options", 501)
        if unknown := sorted(body.keys() - {"options"}):
            text = f"extra keys not allowed @ data['{unknown[0]}']"
            raise SupervisorError(f"{text}. Got {body[unknown[0]]!r}")
        if "options" in body:
            options = body["options"]
            if options is not None and not isinstance(options, dict):
                text = "expected dict for dictionary value @ data['options']"
                raise SupervisorError(f"{text}. Got {options!r}")
            app.user_options = (
                app.validated(options, self._machine.secrets) if options else {}
            )
        return success_response()

    async def validate_options(self, request: web.Request) -> web.Response:
        """Return whether options would be accepted; without any, whether the present ones are."""
        app = self._installed(request)
        options = await _json(request) or app.options
        answer = {"message": "", "valid": True, "pwned": False}
        try:
            app.validator(self._machine.secrets).validate(options)
        except InvalidOptionsError as error:
            answer |= {"message": str(error), "valid": False}
        return success_response(answer)

    async def start(self, request: web.Request) -> web.Response:
        """Start an app."""
        await self._installed(request).start(self._machine.secrets)
        return success_response()

    async def stop(self, request: web.Request) -> web.Response:
        """Stop an app."""
        await self._installed(request).stop()
        return success_response()

    async def restart(self, request: web.Request) -> web.Response:
        """Stop and start an app; the answer is ok even if the app then ends by itself."""
        app = self._installed(request)
        await app.stop()
        await app.start(self._machine.secrets)
        return success_response()

    async def get_store_info(self, request: web.Request) -> web.Response:
        """Return what the store knows of an app."""
        slug = request.match_info["slug"]
        app = self._machine.apps.get(slug)
        manifest = self._machine.store.get(slug)
        if app is not None:
            manifest = None if app.detached else app.manifest
        if manifest is None:
            raise SupervisorError(
                f"App {slug} does not exist in the store",
                404,
                "store_app_not_found_error",
                {"app": slug},
            )
        return success_response(store_document(slug, manifest, app))

    async def update(self, _: web.Request) -> web.Response:
        """Refuse to update: the Supervisor is up to date."""
        raise SupervisorError("No supervisor update available")

    async def get_document(self, request: web.Request) -> web.Response:
        """Return what never changes."""
        assert request.match_info.route.resource is not None
        path = request.match_info.route.resource.canonical
        return success_response(DOCUMENTS[path])

    async def accept(self, _: web.Request) -> web.Response:
        """Accept what has no effect here."""
        return success_response()

    def _installed(self, request: web.Request) -> App:
        slug = request.match_info["slug"]
        if app := self._machine.apps.get(slug):
            return app
        if slug in self._machine.store:
            raise NotInstalledError("App is not installed")
        raise SupervisorError(f"App {slug} does not exist", 404)


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except SupervisorError as error:
        return error_response(error)
    except web.HTTPException as error:
        return web.Response(status=error.status, text=error.text)


async def _keep_waiting(request: web.Request, seconds: float) -> None:
    """Wait for some seconds, or until the client gives up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while request.transport is not None:
                await asyncio.sleep(0.05)


async def _json(request: web.Request) -> dict[str, Any]:
    body: dict[str, Any] | None = _parsed(await request.text() or "{}")
    if body is None:
        raise SupervisorError("Invalid json")
    return body


def _parsed(text: str) -> Any:
    """Return the value of JSON; None if it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None
