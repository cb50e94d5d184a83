"""Finds the rules that somebody made by hand for our hostnames, and adds the steps that take them over (pure)."""

from ..api.models import Observation, Rule
from ..rules.adoption import MadeByHand, is_made_by_hand
from ..rules.expressions import MAX_LENGTH
from ..rules.marks import BLOCK_REF, SKIP_REF
from .desired import DesiredRule, DesiredZone
from .rule_steps import KIND_OF_RULE
from .safe_steps import SafeSteps
from .steps import Action, RuleStep


def find_made_by_hand(
    observation: Observation, desired: DesiredZone
) -> frozenset[MadeByHand]:
    """Return what could become ours if a person agreed."""
    return frozenset(
        MadeByHand(id=rule.id)
        for rule in observation.ruleset.rules
        if _is_made_by_hand(rule, desired)
    )


def adopt_rules(steps: SafeSteps, desired: DesiredZone) -> None:
    """Turn the first rule made by hand of each kind into ours, where ours is missing."""
    for wanted in (desired.block, desired.skip):
        if wanted:
            _adopt_rule(steps, desired, wanted)


def _adopt_rule(steps: SafeSteps, desired: DesiredZone, wanted: DesiredRule) -> None:
    alike = [
        rule
        for rule in _made_by_hand(steps, desired)
        if _replaced_by(rule) == wanted.ref
    ]
    if (
        alike
        and steps.state.ruleset.by_ref(wanted.ref) is None
        and len(wanted.expression) <= MAX_LENGTH
    ):
        steps.add(
            RuleStep(
                kind=KIND_OF_RULE[wanted.ref],
                action=Action.ADOPT,
                target=wanted.ref,
                rule=wanted,
                replaces=alike[0],
            )
        )


def discard_rules(steps: SafeSteps, desired: DesiredZone) -> None:
    """Delete the rules made by hand that ours replace."""
    for rule in _made_by_hand(steps, desired):
        steps.add(
            RuleStep(
                kind=KIND_OF_RULE[_replaced_by(rule)],
                action=Action.DISCARD,
                target=rule.ref,
                replaces=rule,
            )
        )


def _made_by_hand(steps: SafeSteps, desired: DesiredZone) -> list[Rule]:
    """Return the rules that a person agreed to have replaced by ours."""
    return [
        rule
        for rule in steps.state.ruleset.rules
        if MadeByHand(id=rule.id) in (desired.takes_over or ())
        and _is_made_by_hand(rule, desired)
    ]


def _is_made_by_hand(rule: Rule, desired: DesiredZone) -> bool:
    hostnames = {item.hostname for item in desired.hostnames}
    return is_made_by_hand(rule, hostnames)


def _replaced_by(rule: Rule) -> str:
    """Return the ref of the rule of ours that replaces a rule made by hand."""
    return BLOCK_REF if rule.action == "block" else SKIP_REF
