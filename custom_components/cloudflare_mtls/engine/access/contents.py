"""What policies say, with the groups that they name, to compare it with what a person has seen (pure)."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..api.access_models import AccessGroup, AccessPolicy
from ..api.json_fields import encoded
from ..api.selectors import InGroup, SelectorRules


def contents_of(
    found: Iterable[AccessPolicy | AccessGroup], groups: Mapping[str, AccessGroup]
) -> str:
    """Return a text that is another one once policies, or groups that they name, say anything else."""
    found = tuple(found)
    decisions = [each.decision for each in found if isinstance(each, AccessPolicy)]
    rules = [each.rules for each in found]
    reached = _reached(rules, groups)
    rules += [reached[key].rules for key in sorted(reached)]
    said = [decisions, [_sorted(each.body()) for each in rules]]
    sessions = [each.session for each in found if isinstance(each, AccessPolicy)]
    if any(sessions):
        said.append(sessions)
    return encoded(said)


def _sorted(body: Mapping[str, list[dict[str, Any]]]) -> Mapping[str, list[str]]:
    """Return rules in an order that depends on nothing but what they say."""
    return {key: sorted(map(encoded, selectors)) for key, selectors in body.items()}


def _reached(
    rules: Iterable[SelectorRules], groups: Mapping[str, AccessGroup]
) -> Mapping[str, AccessGroup]:
    """Return the groups that rules name, and those that these name, by their ids."""
    reached: dict[str, AccessGroup] = {}
    waiting = list(rules)
    while waiting:
        for group_id in _named_by(waiting.pop()) & groups.keys() - reached.keys():
            reached[group_id] = groups[group_id]
            waiting.append(groups[group_id].rules)
    return reached


def _named_by(rules: SelectorRules) -> set[str]:
    named = rules.include | rules.require | rules.exclude
    return {each.group_id for each in named if isinstance(each, InGroup)}
