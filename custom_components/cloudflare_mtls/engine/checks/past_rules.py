"""Finds what leads visitors past a zone's custom rules (pure)."""

from collections.abc import Iterable
from typing import Final

from ..api.models import Zone
from .finding import Finding
from .specs import Check
from .surroundings import ZoneSurroundings

_MAX_LISTED: Final = 5


def check_past_rules(
    zone: Zone, around: ZoneSurroundings, hostnames: Iterable[str]
) -> list[Finding]:
    """Return what leads visitors past all custom rules to hostnames, or may lead them.

    Nothing leads anybody anywhere in a zone that is not active. What was found is part of the id: a
    person who ignores it is told of what is added later.

    Sources: developers.cloudflare.com, WAF, "Rule phase interactions": visitors whom an IP
    Access rule allows; Workers, global_fetch_strictly_public: without this flag, a Worker's
    request to its own zone goes to the origin, past custom rules and Access.
    """
    detail = ", ".join(sorted(hostnames))
    if not (zone.active and detail):
        return []
    return [
        Finding(
            check=check,
            target=zone.name,
            place=zone.id,
            subject="_".join(f"{key}={found[key]}" for key in sorted(found)),
            value=_listed(sorted(found.values())),
            detail=detail,
        )
        for check, found in (
            (
                Check.IP_ACCESS_ALLOW,
                {rule.id: rule.value for rule in around.allowing},
            ),
            (
                Check.WORKERS,
                {route.id: route.pattern for route in around.worker_routes},
            ),
        )
        if found
    ]


def _listed(texts: list[str]) -> str:
    """Return the first texts, and how many more there are."""
    more = len(texts) - _MAX_LISTED
    shown = ", ".join(texts[:_MAX_LISTED])
    return f"{shown}, +{more}" if more > 0 else shown
