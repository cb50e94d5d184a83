"""Who can log in beyond the settings of a login hostname, and who could until now (pure)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..api.access_models import (
    LOGIN_METHOD_TYPES,
    ONE_TIME_PIN,
    AccessApplication,
    AccessGroup,
    AccessPolicy,
    Decision,
)
from ..api.json_fields import encoded
from ..api.selectors import EmailIs, Selector
from ..rules.truth import Truth, combine
from .desired import References, policy_rules
from .drift import Drift
from .logins import Login
from .named_people import names_all
from .observation import AccessObservation
from .plan import LoginPlan
from .settings import LoginSettings, PeopleOfGroup, read_email
from .verdict import Visitor, would_be_let_in, would_pass

# Nobody has logged in by one of these.
_WITHOUT_SESSION = (Decision.BYPASS, Decision.DENY)
# By these, nobody logs in: they let programs, or everybody, pass without that.
_WITHOUT_LOGIN = (Decision.BYPASS, Decision.NON_IDENTITY)
_ALL_METHODS = "login method *"


@dataclass(frozen=True, kw_only=True)
class LetIn:
    """People who could log in beyond the settings, and may be logged in.

    emails: single people. ways: whatever else lets people in, such as a domain, a login method or a
        policy of somebody else; nobody knows who has logged in by it.
    """

    emails: frozenset[str] = frozenset()
    ways: frozenset[str] = frozenset()

    def __or__(self, other: LetIn) -> LetIn:
        """Return the people of both."""
        return LetIn(emails=self.emails | other.emails, ways=self.ways | other.ways)

    def without(self, others: LetIn) -> LetIn:
        """Return those who are not among others."""
        return LetIn(emails=self.emails - others.emails, ways=self.ways - others.ways)


def beyond_settings(plan: LoginPlan) -> LetIn:
    """Return who can log in beyond the settings, as a plan has seen it.

    Of an application that is only watched, somebody else decides who that is.
    """
    own, settings = plan.own, plan.settings
    if (application := own.application) is None or settings.adopted:
        return LetIn()
    found = beyond_own_policy(own.policy, settings) if own.policy else LetIn()
    own_id = own.policy.id if own.policy else None
    others = [each for each in application.policies if each.id != own_id]
    ways = {*ways_by_others(others), *methods_beyond(plan)}
    drifts = {each.drift for each in plan.differences}
    if Drift.STRANGERS in drifts and isinstance(settings.who, PeopleOfGroup):
        ways.add(_group(settings.who.group_id))
    return found | LetIn(ways=frozenset(ways))


def beyond_own_policy(found: AccessPolicy, settings: LoginSettings) -> LetIn:
    """Return whom our policy lets in beyond the settings."""
    return _by_own_policy(found, policy_rules(settings, References()).include)


def ways_by_others(policies: Iterable[AccessPolicy]) -> Iterator[str]:
    """Yield by which ways policies of others let people log in.

    Whatever they no longer include, and each change of what else they ask for, ends a way.
    """
    for policy in policies:
        if policy.decision not in _WITHOUT_SESSION:
            body = policy.rules.body()
            yield f"policy {policy.id} {encoded([body['require'], body['exclude']])}"
            for each in policy.rules.include:
                yield f"policy {policy.id} {encoded(each.body())}"


def methods_beyond(plan: LoginPlan) -> Iterator[str]:
    """Yield the login methods by which people can log in, and that were not chosen."""
    application, settings = plan.own.application, plan.settings
    differences = [
        each for each in plan.differences if each.drift is Drift.LOGIN_METHODS
    ]
    if application is None or settings.allows_all_methods:
        return
    for difference in differences:
        if not application.allowed_login_methods:
            yield _ALL_METHODS
        for each in difference.added:
            yield _method(each)


def who_is_out(known: LetIn, observation: AccessObservation, plan: LoginPlan) -> LetIn:
    """Return who of those that were let in can no longer log in, though nobody chose them since."""
    own, settings = plan.own, plan.settings
    if settings.adopted:
        return LetIn()
    application = own.application
    if application is None:
        return known
    now = beyond_settings(plan)
    groups, policies = observation.groups, application.policies
    asking = [each for each in policies if each.decision not in _WITHOUT_LOGIN]

    def can_log_in(email: str) -> bool:
        visitor = Visitor(email=email)
        passes = would_pass(asking, groups, visitor)
        if passes is not None:
            return passes
        # What is not understood is a way that was not chosen, if there is one for this person.
        closed = (
            each
            for each in policies
            if each not in asking or would_pass([each], groups, visitor) is False
        )
        return not now.ways <= {*ways_by_others(closed), *methods_beyond(plan)}

    return LetIn(
        emails=frozenset(
            email
            for email in known.emails - now.emails
            if may_log_in(settings, groups, email) is not True and not can_log_in(email)
        ),
        ways=known.ways - now.ways - _all_ways(application, observation, plan),
    )


def still_let_in(
    known: LetIn, out: LetIn, observation: AccessObservation, plan: LoginPlan
) -> LetIn:
    """Return who can log in beyond the settings by now, once those who are out are taken off."""
    settings = plan.settings
    now = beyond_settings(plan)
    emails = {
        email
        for email in known.emails - out.emails
        if may_log_in(settings, observation.groups, email) is not True
    }
    return now | LetIn(emails=frozenset() if settings.adopted else frozenset(emails))


def let_in_by(selectors: Iterable[Selector], source: str) -> LetIn:
    """Return whom selectors let in: single people, and the others by what the source lets them in."""
    emails, ways = set(), set()
    for each in selectors:
        email = read_email(each.address) if isinstance(each, EmailIs) else None
        if email is None:
            ways.add(f"{source} {encoded(each.body())}")
        else:
            emails.add(email)
    return LetIn(emails=frozenset(emails), ways=frozenset(ways))


def may_log_in(
    settings: LoginSettings, groups: Iterable[AccessGroup], email: str
) -> Truth:
    """Return whether somebody is among the people who were chosen; None where nobody knows.

    groups: those of the account. Somebody else decides who logs in where that is only watched.
    """
    if settings.adopted:
        return None
    anywhere = replace(settings, countries=frozenset())
    return would_be_let_in(anywhere, groups, Visitor(email=email))


def may_be_login_of(
    settings: LoginSettings, seen: AccessObservation | None, login: Login
) -> Truth:
    """Return whether a login was one that was chosen, by its person and its login method."""
    return combine(
        "and",
        (
            may_log_in(settings, seen.groups if seen else (), login.email),
            _is_by_chosen_method(settings, seen, login.method),
        ),
    )


def let_in_by_login(
    settings: LoginSettings, seen: AccessObservation | None, login: Login
) -> LetIn:
    """Return what a login shows of who could log in beyond the settings.

    By a method that was not chosen, somebody may have said any address, and nobody knows who else.
    """
    found = LetIn()
    if may_log_in(settings, seen.groups if seen else (), login.email) is False:
        found |= LetIn(emails=frozenset({login.email}))
    if _is_by_chosen_method(settings, seen, login.method) is False:
        found |= LetIn(ways=frozenset({_ALL_METHODS}))
    return found


def _is_by_chosen_method(
    settings: LoginSettings, seen: AccessObservation | None, method: str
) -> Truth:
    """Return whether a login method was chosen, by its type: another one of that type looks the same."""
    if settings.adopted or settings.allows_all_methods:
        return True
    if method not in LOGIN_METHOD_TYPES:
        return None
    types = {each.id: each.type for each in seen.login_methods} if seen else {}
    chosen = {types.get(each) for each in settings.login_methods}
    if settings.one_time_pin:
        chosen.add(ONE_TIME_PIN)
    return method in chosen or (None if None in chosen else False)


def _by_own_policy(found: AccessPolicy, wanted: frozenset[Selector]) -> LetIn:
    if found.decision in _WITHOUT_SESSION:
        return LetIn()
    return let_in_by(found.rules.include - wanted, "own policy")


def _all_ways(
    application: AccessApplication, observation: AccessObservation, plan: LoginPlan
) -> frozenset[str]:
    """Return each way by which people can log in, those that were chosen as well."""
    own = plan.own
    policy = _by_own_policy(own.policy, frozenset()) if own.policy else LetIn()
    allowed = application.allowed_login_methods
    methods = allowed or {each.id for each in observation.login_methods}
    groups = observation.groups_by_id
    return policy.ways | {
        *map(_method, methods),
        *([] if allowed else [_ALL_METHODS]),
        *(
            _group(each.id)
            for each in groups.values()
            if names_all(each.rules, groups) is not True
        ),
    }


def _group(group_id: str) -> str:
    return f"group {group_id}"


def _method(login_method_id: str) -> str:
    return f"login method {login_method_id}"
