"""Whom the groups let in that policies of a login hostname name, to notice who is taken out (pure)."""

from collections.abc import Iterable, Iterator, Mapping

from ..api.access_models import AccessGroup, Decision
from ..api.json_fields import encoded
from ..api.selectors import EmailIs, InGroup, SelectorRules
from .beyond_settings import LetIn
from .observation import AccessObservation
from .plan import LoginPlan
from .settings import read_email

# By these, nobody logs in.
_WITHOUT_SESSION = (Decision.BYPASS, Decision.DENY)


def members_by_group(
    observation: AccessObservation, plan: LoginPlan
) -> dict[str, LetIn]:
    """Return whom each group lets in that policies name, by its id; a group that is gone lets in nobody.

    Of an application that is only watched, somebody else decides who that is. Countries are
    compared at every request, so that our own group of them is none.
    """
    own = plan.own
    if own.application is None or plan.settings.adopted:
        return {}
    groups = observation.groups_by_id
    policies = [
        each
        for each in own.application.policies
        if each.decision not in _WITHOUT_SESSION
    ]
    found = _reached((each.rules for each in policies), groups)
    own_id = own.group.id if own.group else None
    return {
        group_id: _members(group_id, groups.get(group_id))
        for group_id in found - {own_id}
    }


def taken_out(known: Mapping[str, LetIn], now: Mapping[str, LetIn]) -> LetIn:
    """Return who is in a group no longer that is still named; who names it is looked at elsewhere."""
    out = LetIn()
    for group_id in known.keys() & now.keys():
        out |= known[group_id].without(now[group_id])
    return out


def _members(group_id: str, group: AccessGroup | None) -> LetIn:
    if group is None:
        return LetIn()
    emails, ways = set(), set()
    for each in group.rules.include:
        email = read_email(each.address) if isinstance(each, EmailIs) else None
        if email is None:
            ways.add(f"group {group_id} {encoded(each.body())}")
        else:
            emails.add(email)
    body = group.rules.body()
    ways.add(f"group {group_id} {encoded([body['require'], body['exclude']])}")
    return LetIn(emails=frozenset(emails), ways=frozenset(ways))


def _reached(
    rules: Iterable[SelectorRules], groups: Mapping[str, AccessGroup]
) -> frozenset[str]:
    """Return the ids of the groups that rules name, and of those that these name."""
    reached = set[str]()
    waiting = list(rules)
    while waiting:
        for group_id in {*_named_by(waiting.pop())} - reached:
            reached.add(group_id)
            if group := groups.get(group_id):
                waiting.append(group.rules)
    return frozenset(reached)


def _named_by(rules: SelectorRules) -> Iterator[str]:
    """Yield the groups in which people have to be."""
    for each in rules.include | rules.require:
        if isinstance(each, InGroup):
            yield each.group_id
