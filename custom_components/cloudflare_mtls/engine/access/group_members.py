"""Whom the groups let in that policies of a login hostname name, to notice who is taken out (pure)."""

from collections.abc import Iterable, Mapping

from ..api.access_models import AccessGroup, Decision
from ..api.json_fields import encoded
from ..api.selectors import EmailIs, InGroup, Selector, SelectorRules
from .beyond_settings import LetIn
from .observation import AccessObservation
from .plan import LoginPlan
from .settings import read_email

# Before the id of a group whose people are shut out.
_EXCLUDED = "excluded "


def members_by_group(
    observation: AccessObservation, plan: LoginPlan
) -> dict[str, LetIn]:
    """Return who is in each group that policies name, by its id, but for groups that are not listed.

    One list that lacks a group logs nobody out.

    Groups that a policy or a group excludes are marked. Of an application that is only watched,
    somebody else decides who that is. Countries are compared at every request, so that our own
    group of them is none.
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
    reached, shut_out = _reached(rules, groups)
    keys = {group_id: group_id for group_id in reached - {own_id}} | {
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
    # Whoever was in no group is logged in elsewhere at most.
    members = LetIn().emails.union(*(each.emails for each in known.values()))
    return out | LetIn(emails=shut_out.emails & members, ways=shut_out.ways)


def _members(group: AccessGroup) -> LetIn:
    emails, ways = set(), set()
    for each in group.rules.include:
        email = read_email(each.address) if isinstance(each, EmailIs) else None
        if email is None:
            ways.add(f"group {group.id} {encoded(each.body())}")
        else:
            emails.add(email)
    body = group.rules.body()
    ways.add(f"group {group.id} {encoded([body['require'], body['exclude']])}")
    return LetIn(emails=frozenset(emails), ways=frozenset(ways))


def _reached(
    rules: Iterable[SelectorRules], groups: Mapping[str, AccessGroup]
) -> tuple[set[str], set[str]]:
    """Return the ids of the groups in which people have to be, and of those in which they must not.

    Groups name groups; whom a group excludes that is excluded itself is not followed.
    """
    reached, shut_out = set[str](), set[str]()
    waiting = list(rules)
    while waiting:
        each = waiting.pop()
        shut_out |= _named_by(each.exclude)
        for group_id in _named_by(each.include | each.require) - reached:
            reached.add(group_id)
            if group := groups.get(group_id):
                waiting.append(group.rules)
    return reached, shut_out


def _named_by(selectors: Iterable[Selector]) -> set[str]:
    return {each.group_id for each in selectors if isinstance(each, InGroup)}
