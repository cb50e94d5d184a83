"""Adds the step that writes the header rule, or deletes it (pure).

Who gets in does not depend on it: it is the last step of every plan, and where it cannot be written,
all else is as it would be without it.
"""

from dataclasses import dataclass

from ..api.models import Observation
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
    if (rule := desired_header_rule(steps.state, desired)) is None:
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
    ruleset = observation.header_rules
    if (
        ruleset is None
        or desired.header_mark is None
        or ruleset.by_ref(HEADER_REF)
        or has_room_for_header_rule(ruleset, observation.zone)
        or desired_header_rule(observation, desired) is None
    ):
        return None
    return FullHeaderRules(observation.zone.name, names_of_rules(ruleset))


def desired_header_rule(
    observation: Observation, desired: DesiredZone
) -> DesiredRule | None:
    """Return the header rule as it must be; None if there is nothing to tell of.

    Other services learn nothing of certificates. A mark that is there stays, because another Home
    Assistant may know it; so do the hostnames of others.
    """
    existing = (
        observation.header_rules.by_ref(HEADER_REF)
        if observation.header_rules
        else None
    )
    named = read_admissions(existing.expression) if existing else {}
    configured = {item.hostname for item in (*desired.hostnames, *desired.removed)}
    others = {
        hostname
        for hostname in named
        if hostname not in configured and in_zone(hostname, observation.zone)
    }
    own = {item.hostname for item in desired.hostnames if item.is_home}
    if not own | others or desired.header_mark is None:
        return None
    is_kept = existing is not None and mark_of(existing) is not None
    return DesiredRule(
        ref=HEADER_REF,
        action=ACTION,
        expression=header_expression(own | others),
        description="Home Assistant: tell which certificate a visitor used",
        action_parameters=existing.action_parameters
        if existing and is_kept
        else header_parameters(desired.header_mark),
    )
