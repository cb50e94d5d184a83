"""Control over HTTP, for a demo that runs the sandbox as a process of its own."""

from dataclasses import asdict, fields
import json
from typing import Any

from aiohttp import web

from . import seed
from .api.client_certificates import certificate_json
from .api.dns import record_json
from .api.rulesets import ruleset_json
from .api.tunnels import tunnel_json
from .expressions import InvalidError, UnsupportedError, parse
from .journal import Journal
from .state import Rule, Ruleset, State, Zone, now

_EDITABLE = {field.name for field in fields(Rule)} - {"id", "version", "last_updated"}


def control_application(state: State, journal: Journal) -> web.Application:
    """Build the control routes over a state."""
    control = _Control(state, journal)
    application = web.Application()
    application.add_routes(
        [
            web.get("/journal", control.get_journal),
            web.get("/state", control.get_state),
            web.post("/tokens", control.add_token),
            web.post("/origin", control.set_origin),
            web.post("/rules/{rule_id}", control.edit_rule),
            web.delete("/rules/{rule_id}", control.delete_rule),
        ]
    )
    return application


class _Control:
    """What somebody in the dashboard could see and do."""

    def __init__(self, state: State, journal: Journal) -> None:
        self._state = state
        self._journal = journal

    async def get_journal(self, _: web.Request) -> web.Response:
        """Tell what was asked of the API."""
        return web.json_response(
            {
                "requests": [entry.as_json() for entry in self._journal.requests],
                "writes": len(self._journal.writes),
            }
        )

    async def get_state(self, _: web.Request) -> web.Response:
        """Tell how everything stands, without secrets."""
        body = {
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

    async def add_token(self, request: web.Request) -> web.Response:
        """Add an API token."""
        return web.json_response(
            {"token": self._state.add_token(**await request.json())}
        )

    async def set_origin(self, request: web.Request) -> web.Response:
        """Set where the seeded service is really found."""
        self._state.origins[seed.SERVICE] = (await request.json())["url"]
        return web.json_response(self._state.origins)

    async def edit_rule(self, request: web.Request) -> web.Response:
        """Change what the body names of a rule."""
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
