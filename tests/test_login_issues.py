"""Tests of the issues of login hostnames, which need no Cloudflare."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.drift import Difference, Drift
from custom_components.cloudflare_mtls.engine.access.logins import Login
from custom_components.cloudflare_mtls.engine.access.settings import (
    LoginSettings,
    PeopleOfGroup,
)
from custom_components.cloudflare_mtls.issues import Issue
from custom_components.cloudflare_mtls.login_issues import (
    refused_login_issues,
    stranger_issues,
)

from .engine.access.helpers import OWNER, STRANGER, settings


def refused(email: str = STRANGER, *, minutes: int = 0) -> Login:
    """Return a login that was refused."""
    return Login(
        application_id="app",
        email=email,
        allowed=False,
        at=datetime(2026, 11, 29, tzinfo=UTC) + timedelta(minutes=minutes),
        address="203.0.113.7",
        country="BR",
        method="onetimepin",
        ray_ids=frozenset({f"{email}-{minutes}"}),
    )


def issues_of(chosen: LoginSettings, *logins: Login) -> list[Issue]:
    """Return what is told of refused logins."""
    return refused_login_issues(chosen, logins, {"BR": "Brazil"}.__getitem__)


@pytest.mark.parametrize(
    ("chosen", "key"),
    [
        (settings(), "login_refused"),
        (settings(STRANGER), "login_refused_listed"),
        (settings(who=PeopleOfGroup("family")), "login_refused_elsewhere"),
        (settings(STRANGER, adopted=True), "login_refused_elsewhere"),
    ],
)
def test_why_somebody_was_refused(chosen: LoginSettings, key: str) -> None:
    """Where Cloudflare has the list, Home Assistant cannot tell who is on it."""
    [issue] = issues_of(chosen, refused())
    assert issue.translation_key == key
    assert issue.placeholders["country"] == "Brazil"


def test_address_is_told_once() -> None:
    """A second try makes no second issue, and the newest addresses come first."""
    tries = [refused(minutes=number) for number in range(3)]
    issues = issues_of(settings(), *tries, refused(OWNER, minutes=9))
    assert [issue.placeholders["email"] for issue in issues] == [OWNER, STRANGER]
    many = [refused(f"{n}@example.org", minutes=n) for n in range(20)]
    told = [each.placeholders["email"] for each in issues_of(settings(), *many)]
    assert told == [f"{n}@example.org" for n in (19, 18, 17, 16, 15)]


def test_program_without_an_address_is_not_told() -> None:
    assert issues_of(settings(), refused("")) == []


def test_strangers_who_logged_in() -> None:
    """Each is told once, the newest first, and no more than five of them."""
    logins = [
        replace(refused(f"{number}@example.org", minutes=number), allowed=True)
        for number in range(7)
    ]
    again = replace(logins[6], at=logins[6].at + timedelta(minutes=1))
    issues = stranger_issues(settings(), [*logins, again], {"BR": "Brazil"}.__getitem__)
    assert [each.placeholders["email"] for each in issues] == [
        f"{number}@example.org" for number in range(6, 1, -1)
    ]
    assert issues[0].placeholders["at"] == again.at


def test_what_an_ignored_repair_is_known_by() -> None:
    """By what differs, and not by how this version has it: it stays ignored after an update."""
    difference = Difference(
        drift=Drift.PEOPLE,
        target="Policy",
        added=(STRANGER,),
        missing=(OWNER,),
        seen="contents",
    )
    assert (
        difference.contents
        == f'["people","Policy",["{STRANGER}"],["{OWNER}"],"contents"]'
    )
    others: list[dict[str, Any]] = [
        {"drift": Drift.COUNTRIES},
        {"target": "Other"},
        {"added": ()},
        {"missing": ()},
        {"seen": ""},
    ]
    for other in others:
        assert replace(difference, **other).contents != difference.contents
