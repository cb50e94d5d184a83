"""Protections of a whole zone besides its custom rules; they can stop apps too."""

from dataclasses import dataclass
import re

from .state import Plan, Zone
from .zone_settings import setting

# GUESS: which user agents count as browsers; Cloudflare looks at much more than that.
_BROWSER = re.compile(r"Mozilla/5\.0 \(.+\) .*(Gecko|AppleWebKit)/")


@dataclass(frozen=True)
class Protection:
    """The protection that stopped a request, as firewall events name it."""

    source: str
    action: str


def stopping_protection(
    zone: Zone, user_agent: str, skipped: frozenset[str]
) -> Protection | None:
    """Return the protection that stops a request; rules can skip some by product or phase."""
    if (
        setting(zone, "browser_check") == "on"
        and "bic" not in skipped
        and not user_agent
    ):
        return Protection("bic", "block")
    if (
        setting(zone, "security_level") == "under_attack"
        and "securityLevel" not in skipped
    ):
        return Protection("securityLevel", "managed_challenge")
    if _BROWSER.match(user_agent):
        return None
    if zone.plan is Plan.FREE:
        # Bot Fight Mode is not part of the rulesets, so no rule can skip it.
        if zone.bot_management.get("fight_mode", False):
            return Protection("botFight", "managed_challenge")
        return None
    action = zone.bot_management.get("sbfm_definitely_automated", "allow")
    if action == "allow" or "http_request_sbfm" in skipped:
        return None
    return Protection("sbfm", action)
