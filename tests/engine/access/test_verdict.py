"""Whether a person would get through policies: yes, no, or it cannot be told."""

from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.settings import (
    LoginSettings,
    PeopleOfGroup,
)
from custom_components.cloudflare_mtls.engine.access.verdict import (
    Visitor,
    would_be_let_in,
    would_pass,
)
from tests.engine.access.helpers import OWNER, STRANGER, settings
from tests.engine.access.worlds import group, policy

EVERYONE: dict[str, Any] = {"everyone": {}}
MAIL = {"email": {"email": "Owner@example.com"}}
DOMAIN = {"email_domain": {"domain": "example.com"}}
GERMANY = {"geo": {"country_code": "DE"}}
AUSTRIA = {"geo": {"country_code": "AT"}}
METHOD = {"login_method": {"id": "pin"}}
POSTURE = {"device_posture": {"integration_uid": "x"}}
GROUP = {"group": {"id": "group"}}

type Case = tuple[dict[str, Any], str, str | None, bool | None]

CASES: list[Case] = [
    ({"include": [MAIL]}, OWNER, "DE", True),
    ({"include": [MAIL]}, STRANGER, "DE", False),
    ({"include": [DOMAIN]}, OWNER, "DE", True),
    ({"include": [DOMAIN]}, "owner@notexample.com", "DE", False),
    ({"include": []}, OWNER, "DE", False),
    ({"include": [EVERYONE]}, STRANGER, None, True),
    ({"include": [MAIL], "require": [GERMANY]}, OWNER, "DE", True),
    ({"include": [MAIL], "require": [GERMANY]}, OWNER, "US", False),
    ({"include": [MAIL], "require": [GERMANY]}, OWNER, None, None),
    ({"include": [MAIL], "require": [GERMANY]}, STRANGER, None, False),
    ({"include": [MAIL], "require": [GERMANY, AUSTRIA]}, OWNER, "DE", False),
    ({"include": [MAIL], "exclude": [GERMANY]}, OWNER, "DE", False),
    ({"include": [MAIL], "exclude": [POSTURE]}, OWNER, "DE", None),
    ({"include": [MAIL, POSTURE]}, OWNER, "DE", True),
    ({"include": [POSTURE]}, OWNER, "DE", None),
    ({"include": [METHOD]}, OWNER, "DE", None),
    ({"include": [{"any_valid_service_token": {}}]}, OWNER, "DE", False),
    ({"include": [{"service_token": {"token_id": "x"}}]}, OWNER, "DE", False),
    ({"include": [{"linked_app_token": {"app_uid": "x"}}]}, OWNER, "DE", False),
    ({"include": [MAIL], "exclude": [{"service_token": {}}]}, OWNER, "DE", True),
    ({"include": [{"certificate": {}}]}, OWNER, "DE", None),
    ({"include": [{"email": {"email": 3}}]}, OWNER, "DE", None),
    ({"include": [{**MAIL, **GERMANY}]}, OWNER, "DE", None),
    ({"include": [GROUP]}, OWNER, "DE", True),
    ({"include": [GROUP]}, STRANGER, "DE", False),
    ({"include": [{"group": {"id": "another"}}]}, OWNER, "DE", None),
    ({"include": [MAIL], "decision": "deny"}, OWNER, "DE", False),
    ({"include": [EVERYONE], "decision": "bypass"}, STRANGER, "DE", True),
    ({"include": [EVERYONE], "decision": "something_new"}, OWNER, "DE", None),
]


@pytest.mark.parametrize(("rules", "email", "country", "passes"), CASES)
def test_one_policy(
    rules: dict[str, Any], email: str, country: str | None, passes: bool | None
) -> None:
    """Any of include, all of require, none of exclude."""
    people = group(include=[MAIL])
    visitor = Visitor(email=email, country=country)
    assert would_pass([policy(**rules)], [people], visitor) is passes


@pytest.mark.parametrize(
    ("policies", "passes"),
    [
        ([], False),
        ([{"include": [MAIL]}, {"include": [EVERYONE], "decision": "deny"}], True),
        ([{"include": [EVERYONE], "decision": "deny"}, {"include": [MAIL]}], False),
        (
            [
                {"include": [EVERYONE], "decision": "deny"},
                {"include": [EVERYONE], "decision": "bypass"},
            ],
            True,
        ),
        ([{"include": [POSTURE]}, {"include": [MAIL]}], True),
        ([{"include": [POSTURE], "decision": "deny"}, {"include": [MAIL]}], None),
    ],
)
def test_order(policies: list[dict[str, Any]], passes: bool | None) -> None:
    """The first match decides, and what needs no login comes before all others."""
    seen = [policy(**each) for each in policies]
    assert would_pass(seen, [], Visitor(email=OWNER, country="DE")) is passes


def test_groups_in_a_circle() -> None:
    """A group that contains itself ends somewhere, and nothing is certain of it."""
    one = group(id="one", include=[{"group": {"id": "two"}}])
    two = group(id="two", include=[{"group": {"id": "one"}}])
    asked = policy(include=[{"group": {"id": "one"}}])
    assert would_pass([asked], [one, two], Visitor(email=OWNER)) is None


TWO = frozenset({"DE", "AT"})


@pytest.mark.parametrize(
    ("chosen", "email", "country", "passes"),
    [
        (settings(OWNER), OWNER, None, True),
        (settings(OWNER), STRANGER, None, False),
        (settings(OWNER, countries=frozenset({"DE"})), OWNER, "DE", True),
        (settings(OWNER, countries=frozenset({"DE"})), OWNER, "US", False),
        (settings(OWNER, countries=TWO), OWNER, "AT", True),
        (settings(OWNER, countries=TWO), OWNER, "US", False),
        (settings(OWNER, countries=TWO), OWNER, None, None),
        (settings(OWNER, countries=TWO), STRANGER, None, False),
        (settings(who=PeopleOfGroup("group")), OWNER, "DE", True),
        (settings(who=PeopleOfGroup("group")), STRANGER, "DE", False),
        (settings(who=PeopleOfGroup("gone")), OWNER, "DE", None),
    ],
)
def test_before_anything_is_written(
    chosen: LoginSettings, email: str, country: str | None, passes: bool | None
) -> None:
    """A wrong country, or an address that is missing, is seen beforehand."""
    people = group(include=[MAIL])
    visitor = Visitor(email=email, country=country)
    assert would_be_let_in(chosen, [people], visitor) is passes
