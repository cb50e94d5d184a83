"""Redirect and origin rules of a zone: both are applied before its custom rules."""

from dataclasses import dataclass

from .expressions import Request
from .firewall import matches
from .state import ORIGIN_PHASE, REDIRECT_PHASE, Zone


@dataclass(frozen=True)
class Redirect:
    """Where a rule sends the visitor."""

    url: str
    status: int


@dataclass(frozen=True)
class Target:
    """What is asked of the origin: the Host header, and the name that is resolved."""

    host: str
    resolves: str | None = None


def redirect(zone: Zone, request: Request) -> Redirect | None:
    """Return the redirect of the first rule that applies, if one does."""
    for rule in zone.rules_of(REDIRECT_PHASE):
        if matches(rule, request):
            found = (rule.action_parameters or {})["from_value"]
            return Redirect(found["target_url"]["value"], found["status_code"])
    return None


def target(zone: Zone, request: Request, host_header: str) -> Target:
    """Return what is asked of the origin: the last rule that applies decides."""
    host, resolves = None, None
    for rule in zone.rules_of(ORIGIN_PHASE):
        if matches(rule, request):
            parameters = rule.action_parameters or {}
            host = parameters.get("host_header", host)
            resolves = (parameters.get("origin") or {}).get("host", resolves)
    return Target(host or host_header, resolves or host_header)
