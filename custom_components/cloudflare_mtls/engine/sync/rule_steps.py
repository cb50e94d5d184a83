"""Adds the steps that write our two rules, each in its place, and delete them (pure)."""

from collections.abc import Collection, Mapping
from typing import Final

from ..api.models import Ruleset
from ..rules.actions import ends_evaluation
from ..rules.expressions import MAX_LENGTH
from ..rules.marks import BLOCK_REF, SKIP_REF
from ..rules.quota import is_full
from .desired import DesiredRule, DesiredZone, block_rule
from .problems import ProblemCode
from .safe_steps import SafeSteps
from .steps import Action, Kind, RuleStep

# So that the names of all five rules of the Free plan fit into a line.
_MAX_NAME: Final = 45

KIND_OF_RULE: Final[Mapping[str, Kind]] = {
    BLOCK_REF: Kind.BLOCK_RULE,
    SKIP_REF: Kind.SKIP_RULE,
}


def write_block_rule(
    steps: SafeSteps, desired: DesiredZone, block: DesiredRule
) -> None:
    """Write the block rule; a hostname that this would expose stays named in it."""
    existing = steps.state.ruleset.by_ref(BLOCK_REF)
    if existing and not block.is_met_by(existing):
        update = _step(Action.UPDATE, block.ref, block)
        released = steps.opened_by(update)
        for hostname in sorted(released - desired.opened):
            steps.add_problem(ProblemCode.WOULD_EXPOSE, hostname, update.kind)
        kept = {hostname: desired.admissions[hostname] for hostname in released}
        block = block_rule({**desired.blocked, **kept})
    _write(steps, desired, block)


def open_to_everybody(
    steps: SafeSteps, desired: DesiredZone, block: DesiredRule
) -> None:
    """Have the block rule no longer name the hostnames that a person opens: the last step of all."""
    existing = steps.state.ruleset.by_ref(BLOCK_REF)
    if desired.opened and existing and not block.is_met_by(existing):
        update = _step(Action.UPDATE, BLOCK_REF, block)
        if steps.opened_by(update):
            steps.add(update, may_open=desired.opened)


def write_skip_rule(steps: SafeSteps, desired: DesiredZone) -> None:
    """Write the skip rule, or delete it where none is desired."""
    if skip := desired.skip:
        _write(steps, desired, skip)
    else:
        delete_rule(steps, SKIP_REF)


def delete_rule(steps: SafeSteps, ref: str, may_open: Collection[str] = ()) -> None:
    """Delete one of our rules, if it is there; this opens no hostname but those that it may."""
    if steps.state.ruleset.by_ref(ref):
        steps.add(_step(Action.DELETE, ref), may_open)


def _write(steps: SafeSteps, desired: DesiredZone, rule: DesiredRule) -> None:
    if len(rule.expression) > MAX_LENGTH:
        _report_length(steps, desired, rule)
        return
    existing = steps.state.ruleset.by_ref(rule.ref)
    before = _place(steps.state.ruleset, rule.ref)
    if existing is None:
        if is_full(steps.state.ruleset, steps.state.zone):
            _report_full_list(steps)
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
        kind=KIND_OF_RULE[ref], action=action, target=ref, rule=rule, before=before
    )


def _report_length(steps: SafeSteps, desired: DesiredZone, rule: DesiredRule) -> None:
    zone, pinned = steps.state.zone.name, desired.accepted.everywhere
    if any(item.is_limited for item in desired.hostnames):
        # Both rules list the same certificates: a person is told once.
        both = [item for item in (desired.block, desired.skip) if item]
        length = max(len(item.expression) for item in both)
        steps.add_problem(ProblemCode.TOO_MANY_LIMITED, zone, str(length))
    elif pinned is not None:
        steps.add_problem(ProblemCode.TOO_MANY_PINNED, zone, str(len(pinned)))
    else:
        length = len(rule.expression)
        name = rule.description
        steps.add_problem(ProblemCode.EXPRESSION_TOO_LONG, name, str(length))


def _report_full_list(steps: SafeSteps) -> None:
    """Add a problem that names the rules which occupy the list."""
    names = [rule.description or rule.id for rule in steps.state.ruleset.rules]
    occupants = ", ".join(
        name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"
        for name in names
    )
    steps.add_problem(ProblemCode.NO_FREE_RULE, steps.state.zone.name, occupants)


def _place(ruleset: Ruleset, ref: str) -> str | None:
    """Return the rule that this one must stand ahead of; None means ahead of all.

    The skip rule stands directly ahead of the block rule.
    """
    return BLOCK_REF if ref == SKIP_REF and ruleset.by_ref(BLOCK_REF) else None


def _is_in_place(ruleset: Ruleset, ref: str) -> bool:
    refs = [rule.ref for rule in ruleset.rules]
    place = refs.index(ref)
    if ref == SKIP_REF:
        return BLOCK_REF not in refs or refs[place + 1 : place + 2] == [BLOCK_REF]
    return not any(
        rule.enabled and rule.ref != SKIP_REF and ends_evaluation(rule) is not False
        for rule in ruleset.rules[:place]
    )
