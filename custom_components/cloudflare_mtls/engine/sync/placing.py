"""Finds a pair of rules for each hostname of a zone (pure)."""

from dataclasses import replace

from ..api.models import Observation
from ..rules.marks import pair_of
from ..rules.pairs import read_pairs
from ..rules.placement import Placement
from ..rules.quota import rule_quota
from .desired import DesiredZone
from .rule_adoption import replaced_by_ours


def with_placement(observation: Observation, desired: DesiredZone) -> DesiredZone:
    """Return what is desired, with a pair of rules for each hostname.

    Rules of others count as taken, but for those made by hand that ours replace.
    """
    ruleset = observation.ruleset
    replaced = replaced_by_ours(ruleset, desired)
    foreign = [
        rule
        for rule in ruleset.rules
        if pair_of(rule.ref) is None and rule not in replaced
    ]
    placement = Placement(
        present=read_pairs(ruleset),
        kept=desired.neighbours,
        admissions=desired.to_place,
        skipping=desired.skipping,
        max_rules=rule_quota(observation.zone) - len(foreign),
    )
    return replace(desired, placement=placement)
