"""The groups that rules of Access name, and those that these name (pure)."""

from collections.abc import Callable, Iterable, Mapping

from ..api.access_models import AccessGroup
from ..api.selectors import InGroup, Selector, SelectorRules


def reached_groups(
    rules: Iterable[SelectorRules],
    groups: Mapping[str, AccessGroup],
    followed: Callable[[SelectorRules], Iterable[Selector]],
) -> Mapping[str, AccessGroup]:
    """Return the groups that rules name in the selectors that are followed, by their ids."""
    reached: dict[str, AccessGroup] = {}
    waiting = list(rules)
    while waiting:
        named = named_groups(followed(waiting.pop()))
        for group_id in named & groups.keys() - reached.keys():
            reached[group_id] = groups[group_id]
            waiting.append(groups[group_id].rules)
    return reached


def named_groups(selectors: Iterable[Selector]) -> set[str]:
    """Return the ids of the groups that selectors name."""
    return {each.group_id for each in selectors if isinstance(each, InGroup)}
