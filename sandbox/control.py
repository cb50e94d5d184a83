"""Control routes: what the dashboard could do, over HTTP, for other processes."""

from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta
import json
from typing import Any

from aiohttp import web

from . import seed
from .api.client_certificates import certificate_json
from .api.dns import record_json
from .api.rulesets import ruleset_json
from .api.tunnels import checked_config, tunnel_json
from .budget import Budget
from .clock import CLOCK, Delays, now
from .control_routes import known_body, list_routes
from .envelope import ApiError
from .expressions import InvalidError, UnsupportedError, parse
from .faults import Fault, FaultKind, Faults
from .journal import Journal
from .metrics import MetricsServers
from .state import COLOS, Rule, Ruleset, State, Switches, Zone

_EDITABLE = {field.name for field in fields(Rule)} - {"id", "version", "last_updated"}


def control_application(
    state: State, journal: Journal, faults: Faults, metrics: MetricsServers
) -> web.Application:
    """Build the control routes over a state."""
    control = _Control(state, journal, faults, metrics)
    application = web.Application()
    application.add_routes(
        [
            web.get("", list_routes),
            web.get("/journal", control.get_journal),
            web.get("/state", control.get_state),
            web.post("/clock", control.move_clock),
            web.post("/delays", control.set_delays),
            web.post("/switches", control.set_switches),
            web.post("/budget", control.set_budget),
            web.get("/faults", control.list_faults),
            web.post("/faults", control.add_fault),
            web.delete("/faults", control.clear_faults),
            web.post("/tokens", control.add_token),
            web.post("/accounts", control.add_account),
            web.post("/zones", control.add_zone),
            web.delete("/zones/{zone_id}", control.delete_zone),
            web.post("/tunnels/{tunnel_id}/connectors", control.run_connectors),
            web.post("/tunnels/{tunnel_id}/config_file", control.run_config_file),
            web.post("/tunnels/{tunnel_id}/metrics", control.run_metrics),
            web.post("/origin", control.set_origin),
            web.post("/rules/{rule_id}", control.edit_rule),
            web.delete("/rules/{rule_id}", control.delete_rule),
        ]
    )
    return application


class _Control:
    """The handlers of the control routes; their docstrings are listed at GET /sandbox."""

    def __init__(
        self, state: State, journal: Journal, faults: Faults, metrics: MetricsServers
    ) -> None:
        self._state = state
        self._journal = journal
        self._faults = faults
        self._metrics = metrics

    async def get_journal(self, _: web.Request) -> web.Response:
        """Return the API requests so far."""
        return web.json_response(
            {
                "requests": [entry.as_json() for entry in self._journal.requests],
                "writes": len(self._journal.writes),
            }
        )

    async def get_state(self, _: web.Request) -> web.Response:
        """Return the whole state, without secrets."""
        CLOCK.catch_up()
        body = {
            "time": now(),
            "delays": asdict(self._state.delays),
            "zones": {
                zone.name: _zone_json(zone) for zone in self._state.zones.values()
            },
            "tunnels": {
                tunnel.id: tunnel_json(tunnel)
                | {"config": tunnel.config, "version": tunnel.version}
                for tunnel in self._state.tunnels.values()
            },
            "blocked": [asdict(request) for request in self._state.blocked],
            "origins": self._state.origins,
        }
        return web.Response(
            text=json.dumps(body, default=str), content_type="application/json"
        )

    async def move_clock(self, request: web.Request) -> web.Response:
        """Move the time forward: {"advance": seconds}."""
        CLOCK.advance(timedelta(seconds=(await request.json())["advance"]))
        return web.json_response({"time": now().isoformat()})

    async def set_delays(self, request: web.Request) -> web.Response:
        """Set delays: {"revocation": seconds, ...}, or {"realistic": true}."""
        changes = await known_body(request, Delays, "realistic")
        if changes.pop("realistic", False):
            self._state.delays = Delays.realistic()
        self._state.delays = replace(self._state.delays, **changes)
        return web.json_response(asdict(self._state.delays))

    async def set_switches(self, request: web.Request) -> web.Response:
        """Choose where sources contradict each other: {"strips_parentheses": false, ...}."""
        changes = await known_body(request, Switches)
        self._state.switches = replace(self._state.switches, **changes)
        return web.json_response(asdict(self._state.switches))

    async def set_budget(self, request: web.Request) -> web.Response:
        """Set how many requests a token's owner may send: {"limit", "seconds"}."""
        changes = await known_body(request, Budget)
        self._state.budget = replace(self._state.budget, **changes)
        return web.json_response({"limit": self._state.budget.limit})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Add a fault: {"kind", "method", "path", "first", "times", ...}."""
        body = await known_body(request, Fault)
        if body.get("kind") not in FaultKind:
            raise web.HTTPBadRequest(text=f"kinds: {', '.join(FaultKind)}")
        return web.json_response(asdict(self._faults.add(Fault(**body))))

    async def list_faults(self, _: web.Request) -> web.Response:
        """List the faults with the number of calls that each has matched, delayed ones included."""
        faults = [asdict(fault) for fault in self._faults.waiting]
        return web.json_response(faults)

    async def clear_faults(self, _: web.Request) -> web.Response:
        """Remove all faults."""
        self._faults.clear()
        return web.json_response([])

    async def add_token(self, request: web.Request) -> web.Response:
        """Add a token: {"kind", "permissions", "status", "zones", "networks", ...}."""
        body = await request.json()
        for key in ("not_before", "expires_on"):
            if key in body:
                body[key] = datetime.fromisoformat(body[key])
        return web.json_response({"token": self._state.add_token(**body)})

    async def add_account(self, request: web.Request) -> web.Response:
        """Add an account with nothing in it: {"name"}."""
        account = self._state.add_account((await request.json())["name"])
        return web.json_response({"id": account.id})

    async def add_zone(self, request: web.Request) -> web.Response:
        """Add an active zone: {"name", "account"}, by default to the first account."""
        body = await request.json()
        account = self._state.accounts.get(body.get("account", ""))
        if account is None and "account" in body:
            raise web.HTTPNotFound
        zone = self._state.add_zone(body["name"], account)
        return web.json_response({"id": zone.id})

    async def delete_zone(self, request: web.Request) -> web.Response:
        """Delete a zone with all that is in it, as in the dashboard."""
        if self._state.zones.pop(request.match_info["zone_id"], None) is None:
            raise web.HTTPNotFound
        return web.json_response([])

    async def run_connectors(self, request: web.Request) -> web.Response:
        """Set how many connectors run: {"connectors": n, "connections": of each}."""
        tunnel = self._state.tunnels.get(request.match_info["tunnel_id"])
        if tunnel is None:
            raise web.HTTPNotFound
        body = await request.json()
        if body["connectors"]:
            tunnel.connect(body["connectors"], body.get("connections", len(COLOS)))
        else:
            tunnel.disconnect(self._state.delays.reconnection)
        return web.json_response(tunnel_json(tunnel))

    async def run_config_file(self, request: web.Request) -> web.Response:
        """Restart a tunnel's connector with a config file, which Cloudflare never sees: {"ingress"}.

        A file that cloudflared refuses leaves the tunnel without a connector, as it really does.
        """
        tunnel = self._state.tunnels.get(request.match_info["tunnel_id"])
        if tunnel is None:
            raise web.HTTPNotFound
        tunnel.config_src = "local"
        try:
            tunnel.config = checked_config(await request.json())
        except ApiError as error:
            tunnel.disconnect()
            text = "\n".join(problem.message for problem in error.problems)
            raise web.HTTPUnprocessableEntity(text=text) from None
        tunnel.connect()
        return web.json_response(tunnel_json(tunnel))

    async def run_metrics(self, request: web.Request) -> web.Response:
        """Have a tunnel's connector serve its metrics: {"port"}, 0 for any; returns {"url"}."""
        tunnel = self._state.tunnels.get(request.match_info["tunnel_id"])
        if tunnel is None:
            raise web.HTTPNotFound
        server = await self._metrics.run(tunnel, (await request.json())["port"])
        return web.json_response({"url": server.url})

    async def set_origin(self, request: web.Request) -> web.Response:
        """Set the real address of a service (default: the seeded one): {"url", "service"}."""
        body = await request.json()
        self._state.origins[body.get("service", seed.SERVICE)] = body["url"]
        return web.json_response(self._state.origins)

    async def edit_rule(self, request: web.Request) -> web.Response:
        """Change the fields of a rule that the body names, as the dashboard would."""
        ruleset, rule = self._find(request)
        changes = await request.json()
        if changes.keys() - _EDITABLE:
            raise web.HTTPBadRequest(text=f"editable: {', '.join(sorted(_EDITABLE))}")
        _check_expression(changes.get("expression", rule.expression))
        for key, value in changes.items():
            setattr(rule, key, value)
        rule.version += 1
        rule.last_updated = now()
        return _published(ruleset, ruleset.rules)

    async def delete_rule(self, request: web.Request) -> web.Response:
        """Delete a rule."""
        ruleset, rule = self._find(request)
        return _published(ruleset, [each for each in ruleset.rules if each is not rule])

    def _find(self, request: web.Request) -> tuple[Ruleset, Rule]:
        for zone in self._state.zones.values():
            for ruleset in zone.rulesets.values():
                for rule in ruleset.rules:
                    if rule.id == request.match_info["rule_id"]:
                        return ruleset, rule
        raise web.HTTPNotFound


def _zone_json(zone: Zone) -> dict[str, Any]:
    return {
        "id": zone.id,
        "dns_records": [record_json(record) for record in zone.dns_records.values()],
        "associations": zone.associations,
        "rulesets": [ruleset_json(ruleset) for ruleset in zone.rulesets.values()],
        "certificates": [certificate_json(each) for each in zone.certificates.values()],
    }


def _check_expression(expression: str) -> None:
    try:
        parse(expression)
    except (InvalidError, UnsupportedError) as error:
        raise web.HTTPBadRequest(text=str(error)) from None


def _published(ruleset: Ruleset, rules: list[Rule]) -> web.Response:
    ruleset.replace_rules(rules)
    return web.json_response(ruleset_json(ruleset))
