"""Control routes of the Supervisor: what its user could do, and what may go wrong."""

from dataclasses import asdict, fields
from typing import Any

from aiohttp import web

from sandbox.control_routes import known_body, list_routes
from sandbox.state import State

from .app import App, StartFaults
from .cloudflared import Cloudflared
from .faults import Fault, FaultKind
from .service import Supervisor

_START_FAULTS = {field.name for field in fields(StartFaults)}


def supervisor_control(supervisor: Supervisor, state: State) -> web.Application:
    """Build the control routes of a Supervisor."""
    control = _Control(supervisor, state)
    application = web.Application()
    application.add_routes(
        [
            web.get("", list_routes),
            web.post("", control.start),
            web.delete("", control.go_away),
            web.get("/journal", control.get_journal),
            web.post("/faults", control.add_fault),
            web.delete("/faults", control.clear_faults),
            web.get("/apps", control.list_apps),
            web.post("/apps", control.install),
            web.post("/apps/{slug}", control.change),
            web.delete("/apps/{slug}", control.uninstall),
        ]
    )
    return application


class _Control:
    """The handlers of the control routes."""

    def __init__(self, supervisor: Supervisor, state: State) -> None:
        self._supervisor = supervisor
        self._state = state

    async def start(self, request: web.Request) -> web.Response:
        """Start the Supervisor, or start it again: {"ready"}; returns its address and token."""
        body = await request.json() if request.can_read_body else {}
        self._supervisor.ready = body.get("ready", self._supervisor.ready)
        await self._supervisor.start()
        return web.json_response(self._supervisor.as_json())

    async def go_away(self, _: web.Request) -> web.Response:
        """Refuse every connection to the Supervisor; the apps go on."""
        await self._supervisor.go_away()
        return web.json_response({})

    async def get_journal(self, _: web.Request) -> web.Response:
        """Return the calls of the Supervisor so far."""
        journal = self._supervisor.journal
        return web.json_response(
            {
                "requests": [entry.as_json() for entry in journal.requests],
                "writes": len(journal.writes),
            }
        )

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add a fault: {"kind", "method", "path", "first", "times", "seconds", "text", "options"}."""
        body = await known_body(request, Fault)
        if body.get("kind") not in FaultKind:
            raise web.HTTPBadRequest(text=f"kinds: {', '.join(FaultKind)}")
        return web.json_response(asdict(self._supervisor.faults.add(Fault(**body))))

    async def clear_faults(self, _: web.Request) -> web.Response:
        """Remove all faults."""
        self._supervisor.faults.clear()
        return web.json_response([])

    async def list_apps(self, _: web.Request) -> web.Response:
        """List the installed apps with their options, logs and connectors."""
        apps = [_app_json(app) for app in self._supervisor.apps.values()]
        return web.json_response(apps)

    async def install(self, request: web.Request) -> web.Response:
        """Install Cloudflared for a tunnel, and start it: {"tunnel_id", "options", "slug", "zone_id", "home_assistant"}."""
        app = Cloudflared.that_runs(self._state, **(await request.json()))
        return web.json_response(_app_json(await self._supervisor.install(app)))

    async def change(self, request: web.Request) -> web.Response:
        """Change an app: {"options", "version", "running", "silent", "start_seconds", ...}."""
        app = self._find(request)
        body = await known_body(
            request, StartFaults, "options", "version", "running", "silent"
        )
        for name in body.keys() & _START_FAULTS:
            setattr(app.faults, name, body[name])
        if "options" in body:
            app.user_options = body["options"]
        app.version = body.get("version", app.version)
        if "silent" in body and isinstance(app, Cloudflared):
            app.metrics.silent = body["silent"]
        match body.get("running"):
            case True:
                await app.start(self._supervisor.secrets)
            case False:
                await app.stop()
        return web.json_response(_app_json(app))

    async def uninstall(self, request: web.Request) -> web.Response:
        """Remove an app."""
        await self._supervisor.uninstall(self._find(request).slug)
        return web.json_response({})

    def _find(self, request: web.Request) -> App:
        if app := self._supervisor.apps.get(request.match_info["slug"]):
            return app
        raise web.HTTPNotFound


def _app_json(app: App) -> dict[str, Any]:
    body: dict[str, Any] = {
        "slug": app.slug,
        "version": app.version,
        "state": app.state,
        "options": app.options,
        "log": app.log,
        "faults": asdict(app.faults),
    }
    if isinstance(app, Cloudflared):
        body |= {
            "connector_id": app.connector_id,
            "metrics": f"http://{app.ip_address}:{app.metrics_port}",
        }
    return body
