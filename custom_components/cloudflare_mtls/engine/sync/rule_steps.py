"""Adds the steps that write our rules, each in its place, and delete them (pure)."""

from collections.abc import Collection
from typing import Final

from ..api.models import Ruleset
from ..rules.actions import ends_evaluation
from ..rules.expressions import MAX_LENGTH
from ..rules.marks import block_ref, is_skip_ref, pair_of
from ..rules.pairs import Pair, read_pairs
from ..rules.quota import is_full
from .desired import DesiredRule, DesiredZone, block_rule
from .problems import ProblemCode
from .safe_steps import SafeSteps
from .steps import Action, Kind, RuleStep

# So that the names of all five rules of the Free plan fit into a line.
_MAX_NAME: Final = 45


def kind_of(ref: str) -> Kind:
    """Return what a step changes that writes one of our rules."""
    return Kind.SKIP_RULE if is_skip_ref(ref) else Kind.BLOCK_RULE


def write_block_rule(steps: SafeSteps, desired: DesiredZone, pair: Pair) -> None:
    """Write a pair's block rule, or delete it where it has nothing to name.

    A hostname stays named in it that this would expose, or that no other block rule names yet.
    """
    if not pair.fits:
        return
    wanted = pair.without(desired.held)
    if change := _change(steps, wanted):
        released = steps.opened_by(change)
        for hostname in sorted(released - desired.opened):
            steps.add_problem(ProblemCode.WOULD_EXPOSE, hostname, change.kind)
        kept = released | _named_nowhere_else(steps, desired, wanted)
        wanted = wanted.adding({key: desired.admissions[key] for key in kept}, ())
        if not wanted.fits:
            return
    if wanted.blocked:
        _write(steps, block_rule(wanted))
    else:
        delete_rule(steps, wanted.block_ref)


def _change(steps: SafeSteps, pair: Pair) -> RuleStep | None:
    """Return the step that has a pair's block rule name these hostnames alone, if one is needed."""
    existing = steps.state.ruleset.by_ref(pair.block_ref)
    if existing is None:
        return None
    if not pair.blocked:
        return _step(Action.DELETE, pair.block_ref)
    block = block_rule(pair)
    if block.is_met_by(existing):
        return None
    return _step(Action.UPDATE, pair.block_ref, block)


def _named_nowhere_else(
    steps: SafeSteps, desired: DesiredZone, pair: Pair
) -> frozenset[str]:
    """Return the hostnames that go to another pair, whose block rule does not name them yet."""
    present = {
        item.number: item.blocked.keys() for item in read_pairs(steps.state.ruleset)
    }
    elsewhere = {
        key
        for number, names in present.items()
        if number != pair.number
        for key in names
    }
    leaving = present[pair.number] & desired.blocked.keys() - pair.blocked.keys()
    return frozenset(leaving - elsewhere)


def write_skip_rule(steps: SafeSteps, desired: DesiredZone, pair: Pair) -> None:
    """Write a pair's skip rule, or delete it where none is desired."""
    if not pair.fits:
        return
    if skip := desired.skip_rule(pair):
        _write(steps, skip)
    else:
        delete_rule(steps, pair.skip_ref)


def open_to_everybody(steps: SafeSteps, desired: DesiredZone) -> None:
    """Have no block rule name the hostnames any more that a person opens: the last steps of all."""
    if not desired.opened:
        return
    for pair in desired.pairs:
        change = _change(steps, pair.without(desired.held))
        if change and steps.opened_by(change):
            steps.add(change, may_open=desired.opened)


def delete_rule(steps: SafeSteps, ref: str, may_open: Collection[str] = ()) -> None:
    """Delete one of our rules, if it is there; this opens no hostname but those that it may."""
    if steps.state.ruleset.by_ref(ref):
        steps.add(_step(Action.DELETE, ref), may_open)


def report_unplaced(steps: SafeSteps, desired: DesiredZone) -> None:
    """Add a problem for each hostname that fits into no pair of rules."""
    zone, pinned = steps.state.zone.name, desired.accepted.everywhere
    limited = {item.hostname for item in desired.hostnames if item.is_limited}
    for hostname in desired.placement.unplaced:
        length = desired.placement.length_alone(hostname)
        if length <= MAX_LENGTH:
            steps.add_problem(
                ProblemCode.NO_FURTHER_PAIR, zone, names_of_rules(steps.state.ruleset)
            )
        elif hostname in limited:
            steps.add_problem(ProblemCode.TOO_MANY_LIMITED, hostname, str(length))
        elif pinned is not None:
            steps.add_problem(ProblemCode.TOO_MANY_PINNED, zone, str(len(pinned)))
        else:
            steps.add_problem(ProblemCode.EXPRESSION_TOO_LONG, hostname, str(length))


def _write(steps: SafeSteps, rule: DesiredRule) -> None:
    existing = steps.state.ruleset.by_ref(rule.ref)
    before = _block_behind(rule.ref)
    if existing is None:
        if is_full(steps.state.ruleset, steps.state.zone):
            zone = steps.state.zone.name
            steps.add_problem(
                ProblemCode.NO_FREE_RULE, zone, names_of_rules(steps.state.ruleset)
            )
        else:
            steps.add(_step(Action.CREATE, rule.ref, rule, before))
        return
    if not rule.is_met_by(existing):
        steps.add(_step(Action.UPDATE, rule.ref, rule))
    if not _is_in_place(steps.state.ruleset, rule.ref):
        steps.add(_step(Action.MOVE, rule.ref, before=before))


def _step(
    action: Action, ref: str, rule: DesiredRule | None = None, before: str | None = None
) -> RuleStep:
    return RuleStep(
        kind=kind_of(ref), action=action, target=ref, rule=rule, before=before
    )


def names_of_rules(ruleset: Ruleset) -> str:
    """Return the names of all rules of a list, long ones shortened."""
    names = [rule.description or rule.id for rule in ruleset.rules]
    return ", ".join(
        name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"
        for name in names
    )


def _is_in_place(ruleset: Ruleset, ref: str) -> bool:
    refs = [rule.ref for rule in ruleset.rules]
    place = refs.index(ref)
    if block := _block_behind(ref):
        return block not in refs or refs[place + 1 : place + 2] == [block]
    return not any(
        rule.enabled
        and not is_skip_ref(rule.ref)
        and ends_evaluation(rule) is not False
        for rule in ruleset.rules[:place]
    )


def _block_behind(ref: str) -> str | None:
    """Return the ref of the block rule that stands directly behind a skip rule; None for a block rule.

    It is there before the skip rule is written.
    """
    number = pair_of(ref)
    return block_ref(number) if number and is_skip_ref(ref) else None
