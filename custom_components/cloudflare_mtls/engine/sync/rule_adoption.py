"""Finds the rules that somebody made by hand for our hostnames, and adds the steps that take them over (pure)."""

from ..api.models import Observation, Rule, Ruleset
from ..rules.adoption import MadeByHand, is_made_by_hand
from ..rules.pairs import Pair
from .desired import DesiredRule, DesiredZone, block_rule
from .rule_steps import kind_of
from .safe_steps import SafeSteps
from .steps import Action, Kind, RuleStep


def find_made_by_hand(
    observation: Observation, desired: DesiredZone
) -> frozenset[MadeByHand]:
    """Return what could become ours if a person agreed."""
    hostnames = {item.hostname for item in desired.hostnames}
    return frozenset(
        MadeByHand(id=rule.id)
        for rule in observation.ruleset.rules
        if is_made_by_hand(rule, hostnames)
    )


def replaced_by_ours(ruleset: Ruleset, desired: DesiredZone) -> list[Rule]:
    """Return the rules made by hand that a person agreed to have replaced by ours."""
    hostnames = {item.hostname for item in desired.hostnames}
    return [
        rule
        for rule in ruleset.rules
        if MadeByHand(id=rule.id) in (desired.takes_over or ())
        and is_made_by_hand(rule, hostnames)
    ]


def adopt_rules(steps: SafeSteps, desired: DesiredZone) -> None:
    """Turn the first rule made by hand of each kind into ours, where ours is missing.

    A pair takes over no rule that is for a hostname of another pair as well.
    """
    for pair in desired.pairs:
        if pair.fits:
            _adopt_rule(steps, desired, pair, block_rule(pair))
            if skip := desired.skip_rule(pair):
                _adopt_rule(steps, desired, pair, skip)


def _adopt_rule(
    steps: SafeSteps, desired: DesiredZone, pair: Pair, wanted: DesiredRule
) -> None:
    ruleset = steps.state.ruleset
    alike = [
        rule
        for rule in replaced_by_ours(ruleset, desired)
        if rule.action == wanted.action and is_made_by_hand(rule, pair.blocked.keys())
    ]
    if alike and ruleset.by_ref(wanted.ref) is None:
        steps.add(
            RuleStep(
                kind=kind_of(wanted.ref),
                action=Action.ADOPT,
                target=wanted.ref,
                rule=wanted,
                replaces=alike[0],
            )
        )


def discard_rules(steps: SafeSteps, desired: DesiredZone) -> None:
    """Delete the rules made by hand that ours replace."""
    for rule in replaced_by_ours(steps.state.ruleset, desired):
        steps.add(
            RuleStep(
                kind=Kind.BLOCK_RULE if rule.action == "block" else Kind.SKIP_RULE,
                action=Action.DISCARD,
                target=rule.ref,
                replaces=rule,
            )
        )
