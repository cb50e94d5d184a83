"""Whether a person would get through an application's policies, as far as that can be told (pure)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..api.access_models import AccessGroup, AccessPolicy, Decision
from ..api.selectors import (
    CountryIs,
    EmailEndsIn,
    EmailIs,
    Everyone,
    FromNetwork,
    InGroup,
    LoggedInBy,
    OtherSelector,
    Selector,
    SelectorRules,
)
from ..rules.truth import Truth, combine, negate
from .desired import References, group_rules, policy_rules
from .settings import LoginSettings

# Evaluated before all others, whatever their place.
_FIRST: Final = (Decision.BYPASS, Decision.NON_IDENTITY)


# What only programs show. A person may well have a client certificate.
_OF_PROGRAMS: Final = frozenset(
    {"service_token", "any_valid_service_token", "linked_app_token"}
)


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who logs in: the address in lower case; what is None is not known."""

    email: str
    country: str | None = None
    login_method: str | None = None


def would_pass(
    policies: Iterable[AccessPolicy], groups: Iterable[AccessGroup], visitor: Visitor
) -> Truth:
    """Return whether a visitor would get through; None where that depends on what is not known.

    policies: those of an application, in their order.

    Source: Cloudflare's docs, Access policies, order of execution: bypass and service auth come
    first, then the others by precedence; the first match decides, and without one nobody gets in.
    """
    by_id = {group.id: group for group in groups}
    in_order = sorted(policies, key=lambda policy: policy.decision not in _FIRST)
    outcome: Truth = False
    for policy in reversed(in_order):
        lets_in = _lets_in(policy)
        match _matches(policy.rules, by_id, visitor):
            case True:
                outcome = lets_in
            case None:
                outcome = outcome if outcome is lets_in else None
            case False:
                pass
    return outcome


def would_be_let_in(
    settings: LoginSettings, groups: Iterable[AccessGroup], visitor: Visitor
) -> Truth:
    """Return whether settings that are not applied yet would let a visitor in, as would_pass does.

    groups: those of the account, one of which may name the people.
    """
    countries = AccessGroup(id="", name="", rules=group_rules(settings), raw={})
    by_id = {group.id: group for group in (*groups, countries)}
    return _matches(policy_rules(settings, References(group="")), by_id, visitor)


def _lets_in(policy: AccessPolicy) -> Truth:
    """Return what becomes of a visitor whom the policy matches; None where we do not know it."""
    return None if policy.decision is None else policy.decision is not Decision.DENY


def _matches(
    rules: SelectorRules, groups: Mapping[str, AccessGroup], visitor: Visitor
) -> Truth:
    def truths(selectors: Iterable[Selector]) -> list[Truth]:
        return [_is_met(each, groups, visitor) for each in selectors]

    return combine(
        "and",
        (
            combine("or", truths(rules.include)),
            combine("and", truths(rules.require)),
            negate(combine("or", truths(rules.exclude))),
        ),
    )


def _is_met(
    selector: Selector, groups: Mapping[str, AccessGroup], visitor: Visitor
) -> Truth:
    match selector:
        case Everyone():
            return True
        case EmailIs(address):
            return address == visitor.email
        case EmailEndsIn(domain):
            return visitor.email.endswith(f"@{domain}")
        case CountryIs(code):
            return None if visitor.country is None else code == visitor.country
        case LoggedInBy(method):
            return (
                None if visitor.login_method is None else method == visitor.login_method
            )
        case InGroup(group_id):
            if (group := groups.get(group_id)) is None:
                return None
            # A group that contains itself ends there.
            others = {key: each for key, each in groups.items() if key != group_id}
            return _matches(group.rules, others, visitor)
        case OtherSelector() as other if other.kind in _OF_PROGRAMS:
            return False
        case FromNetwork() | OtherSelector():
            return None
