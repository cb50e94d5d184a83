"""IP Access rules at the edge: they stop visitors, or spare them all that follows."""

from .firewall import STOPPING
from .state import IpAccessRule, State, Zone

ALLOWING = "whitelist"
MODES = (*sorted(STOPPING), ALLOWING)
# The names in firewall events; what is allowed leaves none.
SOURCES = {
    "ip": "ip",
    "ip6": "ip",
    "ip_range": "ipRange",
    "asn": "asn",
    "country": "country",
}


def rules_for(state: State, zone: Zone) -> list[tuple[str, IpAccessRule]]:
    """Return the rules that apply to a zone, each with what it was made for."""
    account = state.accounts[zone.account_id]
    return [
        *(("zone", rule) for rule in zone.ip_access_rules),
        *(("organization", rule) for rule in account.ip_access_rules),
        *(("user", rule) for rule in state.ip_access_rules),
    ]


def deciding_rule(state: State, zone: Zone) -> IpAccessRule | None:
    """Return the rule that decides on the visitor: allowing comes before stopping."""
    matching = [
        rule for _, rule in rules_for(state, zone) if rule.matches(state.visitor)
    ]
    return next(
        (rule for rule in matching if rule.mode == ALLOWING),
        matching[0] if matching else None,
    )
