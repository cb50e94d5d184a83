"""How many rules a zone may have (pure)."""

from collections.abc import Mapping
from typing import Final

from ..api.models import Ruleset, Zone

# By the zone's plan. Source: developers.cloudflare.com, WAF custom rules.
_RULE_QUOTA: Final[Mapping[str, int]] = {
    "free": 5,
    "pro": 20,
    "business": 100,
    "enterprise": 1000,
}
# Source: developers.cloudflare.com, Transform Rules; whether other phases count is not said.
_HEADER_RULE_QUOTA: Final[Mapping[str, int]] = {
    "free": 10,
    "pro": 25,
    "business": 50,
    "enterprise": 300,
}


def rule_quota(zone: Zone) -> int:
    """Return how many custom rules the zone's plan allows.

    A plan that is not known counts as the smallest one.
    """
    return _RULE_QUOTA.get(zone.plan, _RULE_QUOTA["free"])


def is_full(ruleset: Ruleset, zone: Zone) -> bool:
    """Return whether the zone's plan allows no further custom rule."""
    return len(ruleset.rules) >= rule_quota(zone)


def has_room_for_header_rule(ruleset: Ruleset, zone: Zone) -> bool:
    """Return whether the zone's plan allows a further header rule."""
    quota = _HEADER_RULE_QUOTA.get(zone.plan, _HEADER_RULE_QUOTA["free"])
    return len(ruleset.rules) < quota
