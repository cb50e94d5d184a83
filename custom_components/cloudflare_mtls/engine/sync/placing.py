"""Finds a pair of rules for each hostname of a zone (pure)."""

from collections.abc import Collection
from dataclasses import replace

from ..api.models import Observation
from ..rules.exposure import records_to_an_origin
from ..rules.marks import pair_of
from ..rules.pairs import Pair, read_pairs
from ..rules.placement import Placement
from ..rules.quota import rule_quota
from .desired import DesiredZone
from .rule_adoption import replaced_by_ours


def with_placement(observation: Observation, desired: DesiredZone) -> DesiredZone:
    """Return what is desired, with a pair of rules for each hostname.

    What was removed is off the internet by now, as far as it is ours. Rules of others count as
    taken, but for those made by hand that ours replace.
    """
    ruleset = observation.ruleset
    held = frozenset(
        item.hostname
        for item in desired.removed
        if records_to_an_origin(observation, item.hostname)
    )
    desired = replace(desired, held=held - desired.blocked.keys())
    present = read_pairs(ruleset)
    replaced = replaced_by_ours(ruleset, desired)
    foreign = [
        rule
        for rule in ruleset.rules
        if pair_of(rule.ref) is None and rule not in replaced
    ]
    placement = Placement(
        present=present,
        kept=tuple(_with_held(pair, present, desired) for pair in desired.neighbours),
        admissions=desired.to_place,
        skipping=desired.skipping,
        max_rules=rule_quota(observation.zone) - len(foreign),
    )
    return replace(desired, placement=placement)


def _with_held(theirs: Pair, present: Collection[Pair], desired: DesiredZone) -> Pair:
    """Return what stays in a pair: all of other homes, and what is held there."""
    held = {
        key: desired.admissions[key]
        for pair in present
        if pair.number == theirs.number
        for key in desired.held & pair.blocked.keys()
    }
    return theirs.adding(held, skipping=())
