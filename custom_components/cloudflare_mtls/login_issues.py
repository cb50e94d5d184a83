"""Issues of login hostnames: who was refused, who got in and may not, and what somebody changed at Cloudflare."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Final

from homeassistant.helpers import issue_registry as ir

from .engine.access.drift import Difference, Drift
from .engine.access.login_history import LoginLog, newest_by_person
from .engine.access.logins import Login
from .engine.access.plan import LoginPlan, Occasion
from .engine.access.problems import LoginProblem, LoginProblemCode
from .engine.access.settings import LoginSettings, People
from .engine.api.access_models import LoginMethod
from .engine.sync.repeated_drift import RepeatedChange
from .issues import Fix, Issue, login_issue, repeated_drift_issue
from .wording import describe_login_problem

# Anyone can try any address, so the number of repairs is limited.
_MOST_PEOPLE: Final = 5
# Checks of protected hostnames, other issues, and dialogs tell the others.
TOLD_PROBLEMS: Final = frozenset(
    {
        LoginProblemCode.FOREIGN_APPLICATION,
        LoginProblemCode.FOREIGN_PATH,
        LoginProblemCode.MOBILE_HOSTNAME_DENIED,
        LoginProblemCode.NO_LOGIN_METHOD,
        LoginProblemCode.LOGIN_METHOD_GONE,
        LoginProblemCode.ONLY_CLOUDFLARE_LOGIN,
        LoginProblemCode.GROUP_GONE,
        LoginProblemCode.CONNECTOR_CANNOT_DEMAND,
    }
)


def refused_login_issues(
    settings: LoginSettings,
    refused: Iterable[Login],
    country_name: Callable[[str], str],
) -> list[Issue]:
    """Return the issue for each address that was refused, but of those that came last only."""
    return [
        _refused_issue(settings, login, country_name(login.country))
        for login in newest_by_person(refused)[:_MOST_PEOPLE]
    ]


def stranger_issues(
    settings: LoginSettings,
    strangers: Iterable[Login],
    country_name: Callable[[str], str],
) -> list[Issue]:
    """Return the issue for each person who logged in and may not, but of those that came last only."""
    return [
        Issue(
            id=f"login_stranger_{settings.hostname}_{login.email}",
            translation_key="login_stranger",
            placeholders={
                "hostname": settings.hostname,
                "email": login.email,
                "country": country_name(login.country),
                "at": login.at,
                "method": login.method or "?",
            },
        )
        for login in newest_by_person(strangers)[:_MOST_PEOPLE]
    ]


def long_login_log_issues(account: str, log: LoginLog) -> list[Issue]:
    """Return the issue for an account whose log of logins has more entries than are read."""
    if log.cut_at is None:
        return []
    key = "login_log_cut" if log.allowed_cut_at else "login_log_long"
    return [
        Issue(
            id=key,
            translation_key=key,
            placeholders={"account": account},
            severity=ir.IssueSeverity.WARNING,
        )
    ]


def _refused_issue(settings: LoginSettings, login: Login, country: str) -> Issue:
    key = _refusal(settings, login)
    return Issue(
        id=f"{key}_{settings.hostname}_{login.email}",
        translation_key=key,
        placeholders={
            "hostname": settings.hostname,
            "email": login.email,
            "country": country,
        },
        severity=ir.IssueSeverity.WARNING,
    )


def _refusal(settings: LoginSettings, login: Login) -> str:
    """Return why somebody was refused, as far as that can be told."""
    match settings.who:
        case People(emails) if not settings.adopted:
            is_listed = login.email in emails
            return "login_refused_listed" if is_listed else "login_refused"
        case _:
            return "login_refused_elsewhere"


def drift_issues(
    settings: LoginSettings, plan: LoginPlan, *, is_being_fixed: bool
) -> list[Issue]:
    """Return the issues for what differs at a login hostname, and for what is in the way of it.

    is_being_fixed: whether what needs no person is fixed at this moment, so that it is not told.
    """
    hostname = settings.hostname
    issues = [
        _problem_issue(problem, hostname)
        for problem in plan.problems
        if problem.code in TOLD_PROBLEMS
    ]
    issues += [
        _strangers_issue(hostname, each)
        for each in plan.differences
        if each.drift is Drift.STRANGERS
    ]
    own = [
        each
        for each in plan.differences
        if not each.drift.is_for_a_person and each.drift is not Drift.STRANGERS
    ]
    if own and not is_being_fixed:
        issues += _own_issue(hostname, own, is_fixable=bool(plan.steps))
    if _is_list_changed(plan):
        issues.append(
            _issue(
                "login_list_changed",
                hostname,
                plan.for_a_person,
                (Fix.LOGIN_LIST_CHANGED, hostname),
            )
        )
    return issues


def not_enforced_login_issue(hostname: str, *, is_readable: bool) -> Issue:
    """Return the issue for a hostname that lets visitors through, and Access is right or not readable.

    A person who ignores it knows that visits from home need no login: then they prove nothing,
    whether Access can be read or not.
    """
    key = "login_not_enforced" if is_readable else "login_not_enforced_unread"
    return replace(login_issue(key, hostname), id=f"login_not_enforced_{hostname}")


def repeated_login_drift_issue(hostname: str, change: RepeatedChange) -> Issue:
    """Return the issue for a login hostname whose login somebody else keeps undoing."""
    issue = repeated_drift_issue(hostname, change)
    key = f"login_{issue.translation_key}"
    return replace(issue, id=f"{key}_{hostname}", translation_key=key)


def _is_list_changed(plan: LoginPlan) -> bool:
    """Return whether who may log in differs; what a problem that is in the way tells is no change."""
    is_blocked = bool(plan.blocking_at(Occasion.CHANGE))
    return any(
        each.added
        or each.is_unlimited
        or each.drift is not Drift.LOGIN_METHODS
        or not is_blocked
        for each in plan.for_a_person
    )


def zero_trust_issue(account: str) -> Issue:
    """Return the issue for an account whose Zero Trust is not set up, or no longer."""
    return Issue(
        id="zero_trust_not_set_up",
        translation_key="login_zero_trust_not_set_up",
        placeholders={"account": account},
    )


def _own_issue(
    hostname: str, own: Collection[Difference], *, is_fixable: bool
) -> list[Issue]:
    """Return the issue for the worst that differs; what cannot be fixed has its own text."""
    fix = (Fix.LOGIN_DRIFT, hostname) if is_fixable else None
    suffix = "" if is_fixable else "_unfixable"
    if any(each.is_open or each.drift is Drift.APPLICATION_GONE for each in own):
        key = f"login_gone{suffix}"
    elif any(each.opens for each in own):
        key = f"login_opened{suffix}"
    elif is_fixable:
        return [_issue("login_drift", hostname, own, fix)]
    else:
        # A problem that is told on its own is in the way.
        return []
    return [replace(_issue(key, hostname, own, fix), severity=ir.IssueSeverity.ERROR)]


def _strangers_issue(hostname: str, difference: Difference) -> Issue:
    return Issue(
        id=f"login_strangers_{hostname}_{difference.contents}",
        translation_key="login_strangers",
        placeholders={"hostname": hostname, "name": difference.target},
        # After a restart, Access may not be readable.
        is_persistent=True,
    )


def changed_login_method_issue(hostname: str, method: LoginMethod) -> Issue:
    """Return the issue for a login method that is new or was changed, so that others may log in by it."""
    return Issue(
        id=f"login_method_changed_{hostname}_{method.id}_{method.contents}",
        translation_key="login_method_changed",
        placeholders={"hostname": hostname, "name": method.name},
        is_persistent=True,
    )


def _issue(
    key: str,
    hostname: str,
    differences: Iterable[Difference],
    fix: tuple[Fix, str] | None,
) -> Issue:
    """Return an issue; a person who ignores it has not seen what differs later."""
    return Issue(
        id="_".join((key, hostname, *sorted(each.contents for each in differences))),
        translation_key=key,
        placeholders={"hostname": hostname},
        fix=fix,
        severity=ir.IssueSeverity.WARNING,
        is_persistent=True,
    )


def _problem_issue(problem: LoginProblem, hostname: str) -> Issue:
    message = describe_login_problem(problem)
    return Issue(
        id=f"{problem.code}_{hostname}_{problem.target}_{problem.seen}",
        translation_key=message.key,
        placeholders={"hostname": hostname, **message.placeholders},
        severity=ir.IssueSeverity.WARNING,
        is_persistent=True,
    )
