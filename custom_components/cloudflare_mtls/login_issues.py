"""Issues of login hostnames: who was refused, and what somebody changed at Cloudflare."""

from collections.abc import Iterable
from typing import Final

from homeassistant.helpers import issue_registry as ir

from .engine.access.logins import Login
from .engine.access.settings import LoginSettings, People
from .issues import Issue

# Whoever has an address can be refused: nobody fills the list of repairs.
_MOST_REFUSED: Final = 5


def refused_login_issues(
    settings: LoginSettings, refused: Iterable[Login]
) -> list[Issue]:
    """Return the issue for each address that was refused, but of those that came last only."""
    newest = sorted(refused, key=lambda login: login.at, reverse=True)
    by_email = {login.email: login for login in reversed(newest) if login.email}
    last = sorted(by_email.values(), key=lambda login: login.at, reverse=True)
    return [_refused_issue(settings, login) for login in last[:_MOST_REFUSED]]


def _refused_issue(settings: LoginSettings, login: Login) -> Issue:
    key = _refusal(settings, login)
    return Issue(
        id=f"{key}_{settings.hostname}_{login.email}",
        translation_key=key,
        placeholders={
            "hostname": settings.hostname,
            "email": login.email,
            "country": login.country,
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
