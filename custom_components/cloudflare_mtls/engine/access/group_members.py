"""Whom the groups let in that policies of a login hostname name, to notice who is taken out (pure)."""

from collections.abc import Mapping

from ..api.access_models import AccessGroup, Decision
from ..api.json_fields import encoded
from ..api.selectors import SelectorRules
from .beyond_settings import LetIn, let_in_by
from .named_groups import named_groups, reached_groups
from .observation import AccessObservation
from .plan import LoginPlan

# Before the id of a group whose people are shut out.
_EXCLUDED = "excluded "


def members_by_group(
    observation: AccessObservation, plan: LoginPlan
) -> dict[str, LetIn]:
    """Return who is in each group that policies name, by its id.

    A group that is not listed is left out: one list that lacks it logs nobody out. Groups that a
    policy or a group excludes are marked. Of an application that is only watched, somebody else
    decides who that is. Countries are compared at every request, so that our own group of them is
    none.
    """
    own = plan.own
    if own.application is None or plan.settings.adopted:
        return {}
    groups = observation.groups_by_id
    rules = [
        SelectorRules(include=frozenset(), exclude=each.rules.include)
        if each.decision is Decision.DENY
        else each.rules
        for each in own.application.policies
        if each.decision is not Decision.BYPASS
    ]
    own_id = own.group.id if own.group else None
    reached = reached_groups(rules, groups, lambda each: each.include | each.require)
    rules += [each.rules for each in reached.values()]
    # Whom a group excludes that is excluded itself is not followed.
    shut_out = named_groups(selector for each in rules for selector in each.exclude)
    keys = {group_id: group_id for group_id in reached.keys() - {own_id}} | {
        f"{_EXCLUDED}{group_id}": group_id for group_id in shut_out - {own_id}
    }
    return {
        key: _members(group)
        for key, group_id in keys.items()
        if (group := groups.get(group_id))
    }


def taken_out(known: Mapping[str, LetIn], now: Mapping[str, LetIn]) -> LetIn:
    """Return who is in a group no longer that is still named, or is by now in one that is excluded.

    Who names a group is looked at elsewhere.
    """
    out, shut_out = LetIn(), LetIn()
    for key in known.keys() & now.keys():
        if key.startswith(_EXCLUDED):
            shut_out |= now[key].without(known[key])
        else:
            out |= known[key].without(now[key])
    # Who was in no group has no session here that has to end.
    members = LetIn().emails.union(*(each.emails for each in known.values()))
    return out | LetIn(emails=shut_out.emails & members, ways=shut_out.ways)


def _members(group: AccessGroup) -> LetIn:
    source, body = f"group {group.id}", group.rules.body()
    asked = f"{source} {encoded([body['require'], body['exclude']])}"
    return let_in_by(group.rules.include, source) | LetIn(ways=frozenset({asked}))
