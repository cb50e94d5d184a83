"""Adds the steps that write all pairs of rules, so that hostnames can move from one to another (pure)."""

from collections.abc import Collection, Mapping

from ..rules.pairs import Pair, read_pairs
from .desired import DesiredZone
from .rule_adoption import adopt_rules
from .rule_steps import delete_rule, write_block_rule, write_skip_rule
from .safe_steps import SafeSteps


def write_block_rules(steps: SafeSteps, desired: DesiredZone) -> None:
    """Write the block rules; hostnames that go to another pair stay named, where they fit."""
    _delete_skip_rules(steps, desired)
    adopt_rules(steps, desired)
    leaving = _leaving(steps, desired)
    # Those that hostnames leave come last: another rule names these by then.
    for pair in sorted(desired.pairs, key=lambda item: item.number in leaving):
        kept = {key: desired.blocked[key] for key in leaving.get(pair.number, ())}
        write_block_rule(steps, desired, pair.adding(kept, skipping=()))


def write_skip_rules(steps: SafeSteps, desired: DesiredZone) -> None:
    """Write the skip rules, and after them the rules that hostnames leave: others name these now.

    A hostname leaves a skip rule ahead of its block rule, so that no skip rule names a hostname
    that the block rule behind it does not.
    """
    leaving = _leaving(steps, desired)
    for pair in desired.pairs:
        if pair.number not in leaving:
            write_skip_rule(steps, desired, pair)
    for pair in desired.pairs:
        if pair.number in leaving:
            write_skip_rule(steps, desired, pair)
            write_block_rule(steps, desired, pair)
    for pair in _emptied(steps, desired):
        write_block_rule(steps, desired, Pair(number=pair.number))


def _delete_skip_rules(steps: SafeSteps, desired: DesiredZone) -> None:
    """Delete the skip rules that are not desired: block rules may need their places."""
    for pair in _emptied(steps, desired):
        delete_rule(steps, pair.skip_ref)
    for pair in desired.pairs:
        if pair.fits and not pair.skip_expression:
            delete_rule(steps, pair.skip_ref)


def _emptied(steps: SafeSteps, desired: DesiredZone) -> list[Pair]:
    """Return the pairs whose rules are there, and have no hostname to protect."""
    numbers = {pair.number for pair in desired.pairs}
    present = read_pairs(steps.state.ruleset)
    return [pair for pair in present if pair.number not in numbers]


def _leaving(steps: SafeSteps, desired: DesiredZone) -> Mapping[int, Collection[str]]:
    """Return the hostnames that go to another pair, by the number of the one that they leave."""
    wanted = {pair.number: pair.blocked.keys() for pair in desired.pairs}
    leaving = {
        pair.number: desired.blocked.keys() & pair.blocked.keys() - wanted[pair.number]
        for pair in read_pairs(steps.state.ruleset)
        if pair.number in wanted
    }
    return {number: names for number, names in leaving.items() if names}
