"""What policies say, with the groups that they name, to compare it with what a person has seen (pure)."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..api.access_models import AccessGroup, AccessPolicy
from ..api.json_fields import encoded
from .named_groups import reached_groups


def contents_of(
    found: Iterable[AccessPolicy | AccessGroup], groups: Mapping[str, AccessGroup]
) -> str:
    """Return a text that is another one once policies, or groups that they name, say anything else."""
    found = tuple(found)
    decisions = [each.decision for each in found if isinstance(each, AccessPolicy)]
    rules = [each.rules for each in found]
    reached = reached_groups(
        rules, groups, lambda each: each.include | each.require | each.exclude
    )
    rules += [reached[key].rules for key in sorted(reached)]
    said = [decisions, [_sorted(each.body()) for each in rules]]
    sessions = [each.session for each in found if isinstance(each, AccessPolicy)]
    if any(sessions):
        said.append(sessions)
    return encoded(said)


def _sorted(body: Mapping[str, list[dict[str, Any]]]) -> Mapping[str, list[str]]:
    """Return rules in an order that depends on nothing but what they say."""
    return {key: sorted(map(encoded, selectors)) for key, selectors in body.items()}
