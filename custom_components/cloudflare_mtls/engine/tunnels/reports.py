"""What connectors say of themselves on their metrics servers (pure).

Nobody has to log in there, and each speaks of itself and of this moment only. So it may say that a rule
is missing, but it never makes a hostname count as closed.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
import re
from typing import Final, Self

from ..api.ingress import IngressRule
from ..api.json_fields import Fields, decoded, malformed
from ..api.models import Connector
from .rule_paths import includes_start_page

_VERSION: Final = re.compile(
    r'^build_info\{(?:[^}\n]*,)?version="([^"\n]{1,40})"', re.MULTILINE
)
# As many as Cloudflare takes for a tunnel whose rules it keeps.
_MAX_RULES: Final = 1000


class RuleState(StrEnum):
    """What becomes of requests for a hostname, by the ingress rules of one connector."""

    SERVED = "served"
    MISSING = "missing"
    """No rule takes them to a service."""
    SHADOWED = "shadowed"
    """Their own rule stands below another one that takes them to another service."""


_WORST_FIRST: Final = (RuleState.MISSING, RuleState.SHADOWED, None, RuleState.SERVED)


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """Which connector answers, and how many connections to the edge it has."""

    connector_id: str
    connections: int

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read GET /ready, which has status 503 while there is no connection.

        Raises Unavailable. Source: cloudflared 2026.8.2, metrics/readiness.go.
        """
        fields = Fields(decoded(content))
        return cls(
            connector_id=fields.text("connectorId"),
            connections=fields.number("readyConnections") or 0,
        )


@dataclass(frozen=True, kw_only=True)
class ConnectorReport:
    """A connector, as it describes itself."""

    readiness: Readiness
    tunnel_id: str
    version: str | None
    ingress: tuple[IngressRule, ...]
    # The connector that ran in its place before, so that it no longer does.
    predecessor: str | None = None

    @classmethod
    def parse(
        cls, readiness: Readiness, tunnel: bytes, configuration: bytes, metrics: str
    ) -> Self:
        """Read GET /diag/tunnel, /config and /metrics.

        Raises Unavailable, also where there are more rules than anybody writes: each costs time
        in the event loop, and any program at home may answer here. Source: cloudflared 2026.8.2,
        diagnostic/handlers.go, metrics/metrics.go.
        """
        config = Fields(decoded(configuration)).object("config") or Fields({})
        rules = config.objects("ingress")
        if len(rules) > _MAX_RULES:
            raise malformed("ingress")
        version = _VERSION.search(metrics)
        return cls(
            readiness=readiness,
            tunnel_id=Fields(decoded(tunnel)).text("tunnelID"),
            version=version[1] if version else None,
            ingress=tuple(map(IngressRule.parse, rules)),
        )

    @property
    def is_connected(self) -> bool:
        """Return whether the edge can send requests to the connector."""
        return self.readiness.connections > 0

    def now(self, readiness: Readiness) -> ConnectorReport:
        """Return the report of the same connector with its connections as they are now."""
        return replace(self, readiness=readiness)

    def after_its_end(self) -> ConnectorReport:
        """Return the report of the connector after its process has ended."""
        return self.now(replace(self.readiness, connections=0))

    def in_place_of(self, former: ConnectorReport) -> ConnectorReport:
        """Return the report of a connector that was started where another one had run."""
        return replace(self, predecessor=former.readiness.connector_id)

    def rule_state(self, hostname: str) -> RuleState | None:
        """Return what becomes of requests for a hostname, written in small letters; None if nobody knows.

        Which paths a rule is for is not always known.
        """
        own = {rule.service for rule in self.ingress if rule.is_for(hostname)}
        states = {
            _state_by(rule, hostname, own)
            for rule in self._rules_that_may_take(hostname)
        }
        return states.pop() if len(states) == 1 else None

    def names(self, hostname: str) -> bool:
        """Return whether a rule is for exactly this hostname."""
        return any(rule.is_for(hostname) for rule in self.ingress)

    def shadowing(self, hostname: str) -> str:
        """Return the hostname of the rule that takes the requests for another one."""
        taking = next(self._rules_that_may_take(hostname))
        return taking.hostname or "*" if taking else ""

    def _rules_that_may_take(self, hostname: str) -> Iterator[IngressRule | None]:
        """Yield the rules of which one is the first for the hostname's start page; None for no rule."""
        for rule in self.ingress:
            is_for = rule.takes(hostname) and includes_start_page(rule.path)
            if is_for is not False:
                yield rule
            if is_for:
                return
        yield None


def _state_by(
    taking: IngressRule | None, hostname: str, own: Collection[str]
) -> RuleState:
    """Return what the first rule means; own are the services of the rules for the hostname."""
    if taking is None or taking.answers_itself:
        return RuleState.MISSING
    if taking.is_for(hostname) or all(service == taking.service for service in own):
        return RuleState.SERVED
    return RuleState.SHADOWED


def worst_rule_state(
    reports: Iterable[ConnectorReport], hostname: str
) -> RuleState | None:
    """Return what becomes of requests at the worst of the connectors; None where none tells.

    The edge sends a request to any of them.
    """
    states = {report.rule_state(hostname) for report in reports if report.is_connected}
    return next((state for state in _WORST_FIRST if state in states), None)


def updated(
    connectors: Iterable[Connector], reports: Iterable[ConnectorReport]
) -> tuple[Connector, ...]:
    """Return connectors as Cloudflare lists them, corrected by what they say of themselves."""
    by_id = {item.id: item for item in connectors}
    for report in reports:
        if report.predecessor:
            by_id.pop(report.predecessor, None)
        known = by_id.get(report.readiness.connector_id)
        by_id[report.readiness.connector_id] = Connector(
            id=report.readiness.connector_id,
            version=report.version or (known.version if known else None),
            connections=report.readiness.connections,
            locations=known.locations if known else frozenset(),
        )
    return tuple(item for item in by_id.values() if item.connections)
