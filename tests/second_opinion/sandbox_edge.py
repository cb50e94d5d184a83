"""The sandbox's verdict on a request in a random world: the third opinion."""

from collections.abc import Mapping

from custom_components.cloudflare_mtls.engine.api.models import Observation
from sandbox import firewall, ingress
from sandbox.expressions import UnsupportedError, Value, parse
from sandbox.seed import ACCOUNT_ID
from sandbox.state import (
    FIREWALL_PHASE,
    DnsRecord,
    Rule,
    Ruleset,
    State,
    TunnelStatus,
    Zone,
)
from tests.engine.builders import SERVICE, TUNNEL_ID, UNKNOWN_TUNNEL, ZONE_NAME

from .requests import Request
from .values import Content


def matches(expression: str, fields: Mapping[str, Content]) -> bool | None:
    """Return whether a request meets an expression, or None if the sandbox refuses to decide."""
    try:
        return parse(expression).matches(_scalars(fields))
    except UnsupportedError:
        return None


def lets_through(
    observation: Observation, fields: Mapping[str, Content]
) -> bool | None:
    """Return whether a request passes the rules, or None if the sandbox refuses to decide."""
    try:
        verdict = firewall.judge(_rules(observation), _scalars(fields))
    except UnsupportedError:
        return None
    return verdict.stopped_by is None


def reaches_an_origin(observation: Observation, request: Request) -> bool:
    """Return whether a request that passed the rules comes to an origin."""
    state = State()
    zone = _zone(state, observation)
    hostname = ingress.plain_host(request.host)
    match ingress.route(state, zone, hostname, request.path):
        case ingress.Service(name):
            return not name.startswith("http_status:")
        case failure:
            return failure is ingress.NO_ORIGIN


def _scalars(fields: Mapping[str, Content]) -> dict[str, Value]:
    """Return the fields as the sandbox has them: text for octets, and no arrays or maps."""
    scalars: dict[str, Value] = {}
    for name, content in fields.items():
        match content:
            case bytes():
                scalars[name] = content.decode("utf-8", "surrogateescape")
            case list() | dict():
                pass
            case _:
                scalars[name] = content  # type: ignore[assignment]  # nothing else is left
    return scalars


def _rules(observation: Observation) -> list[Rule]:
    return [
        Rule(
            rule.action,
            rule.expression,
            enabled=rule.enabled,
            action_parameters=dict(rule.action_parameters),
            ref=rule.ref,
        )
        for rule in observation.ruleset.rules
    ]


def _zone(state: State, observation: Observation) -> Zone:
    zone = state.add_zone(ZONE_NAME, state.add_account("Home lab", id=ACCOUNT_ID))
    for tunnel_id in sorted({TUNNEL_ID, UNKNOWN_TUNNEL} - observation.gone_tunnels):
        tunnel = state.add_tunnel(tunnel_id, id=tunnel_id)
        tunnel.status = TunnelStatus.HEALTHY
        # A configuration that cannot be read may lead anywhere.
        observed = observation.configurations.get(tunnel_id)
        tunnel.config = (
            dict(observed.raw) if observed else {"ingress": [{"service": SERVICE}]}
        )
    for record in observation.records:
        zone.add_dns_record(
            DnsRecord(record.type, record.name, record.content, proxied=record.proxied)
        )
    zone.add_ruleset(Ruleset(FIREWALL_PHASE, _rules(observation)))
    return zone
