"""What a skip rule may skip, besides the custom rules after it (pure)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any


class Skippable(StrEnum):
    """What a skip rule may let verified devices skip, besides the zone's other custom rules.

    Source: developers.cloudflare.com, WAF custom rules, skip options.
    """

    RATE_LIMITING_RULES = "http_ratelimit"
    MANAGED_RULES = "http_request_firewall_managed"
    SUPER_BOT_FIGHT_MODE = "http_request_sbfm"
    BROWSER_INTEGRITY_CHECK = "bic"
    HOTLINK_PROTECTION = "hot"
    RATE_LIMITING = "rateLimit"
    SECURITY_LEVEL = "securityLevel"
    USER_AGENT_BLOCKING = "uaBlock"
    FORMER_MANAGED_RULES = "waf"
    ZONE_LOCKDOWN = "zoneLockdown"

    @property
    def key(self) -> str:
        """Return the parameter of a skip rule that lists it."""
        return "phases" if self.startswith("http_") else "products"


def skip_parameters(skipped: Iterable[Skippable]) -> dict[str, Any]:
    """Return the parameters of a rule that skips the custom rules after it, and all of these.

    Source: developers.cloudflare.com, WAF custom rules, skip options.
    """
    parameters: dict[str, Any] = {"ruleset": "current"}
    for item in sorted(skipped):
        parameters.setdefault(item.key, []).append(item.value)
    return parameters
