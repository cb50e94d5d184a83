"""Adds the step that writes the header rule, or deletes it (pure).

Who gets in does not depend on it: it is the last step of every plan, and where it cannot be written,
all else is as it would be without it.
"""

from dataclasses import dataclass

from ..api.models import Observation, Rule, Zone
from ..rules.admissions import read_admissions
from ..rules.header_rule import ACTION, header_expression, header_parameters, mark_of
from ..rules.marks import HEADER_REF
from ..rules.quota import has_room_for_header_rule
from .desired import DesiredRule, DesiredZone
from .rule_steps import names_of_rules
from .safe_steps import SafeSteps
from .settings import in_zone
from .steps import Action, HeaderRuleStep


@dataclass(frozen=True)
class FullHeaderRules:
    """A zone whose header rules leave no place for ours, and the names of these rules."""

    zone: str
    rules: str


def write_header_rule(steps: SafeSteps, desired: DesiredZone) -> None:
    """Write the header rule, where Cloudflare takes it, or delete it where it names nothing more."""
    ruleset = steps.state.header_rules
    if ruleset is None or desired.header_mark is None:
        return
    existing = ruleset.by_ref(HEADER_REF)
    if (rule := _desired_rule(existing, steps.state.zone, desired)) is None:
        if existing:
            steps.add(HeaderRuleStep(action=Action.DELETE))
    elif existing is None:
        if has_room_for_header_rule(ruleset, steps.state.zone):
            steps.add(HeaderRuleStep(action=Action.CREATE, rule=rule))
    elif not rule.is_met_by(existing):
        steps.add(HeaderRuleStep(action=Action.UPDATE, rule=rule))


def find_full_list(
    observation: Observation, desired: DesiredZone
) -> FullHeaderRules | None:
    """Return the header rules of others where they leave no place for ours."""
    ruleset, zone = observation.header_rules, observation.zone
    if (
        ruleset is None
        or ruleset.by_ref(HEADER_REF)
        or has_room_for_header_rule(ruleset, zone)
        or _desired_rule(None, zone, desired) is None
    ):
        return None
    return FullHeaderRules(zone.name, names_of_rules(ruleset))


def _desired_rule(
    existing: Rule | None, zone: Zone, desired: DesiredZone
) -> DesiredRule | None:
    """Return the header rule as it must be; None if there is nothing to tell of.

    Other services learn nothing of certificates. A mark that is there stays, because another Home
    Assistant may know it; so do the hostnames of others.
    """
    named = read_admissions(existing.expression) if existing else {}
    configured = {item.hostname for item in (*desired.hostnames, *desired.removed)}
    others = {
        hostname
        for hostname in named
        if hostname not in configured and in_zone(hostname, zone)
    }
    own = {item.hostname for item in desired.hostnames if item.is_home}
    if not own | others or desired.header_mark is None:
        return None
    return DesiredRule(
        ref=HEADER_REF,
        action=ACTION,
        expression=header_expression(own | others),
        description="Home Assistant: tell which certificate a visitor used",
        action_parameters=existing.action_parameters
        if existing and mark_of(existing)
        else header_parameters(desired.header_mark),
    )
