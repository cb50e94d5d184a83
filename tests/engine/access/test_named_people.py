"""Whether rules name everybody whom they let in, and whom a policy lets pass without a login."""

from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.named_people import (
    lets_anybody_in,
    lets_strangers_pass,
    may_let_strangers_in,
    names_all,
)
from tests.engine.access.helpers import OWNER
from tests.engine.access.worlds import group, policy

type Selector = dict[str, dict[str, Any]]

EVERYONE: Selector = {"everyone": {}}
MAIL: Selector = {"email": {"email": OWNER}}
GERMANY: Selector = {"geo": {"country_code": "DE"}}
GROUP: Selector = {"group": {"id": "group"}}
TOKEN: Selector = {"service_token": {"token_id": "t"}}
POSTURE: Selector = {"device_posture": {"integration_uid": "x"}}


def ip(network: object) -> Selector:
    """Return the selector of a network."""
    return {"ip": {"ip": network}}


@pytest.mark.parametrize(
    ("selector", "truth"),
    [
        (MAIL, True),
        ({"email_domain": {"domain": "example.com"}}, True),
        ({"gsuite": {"email": OWNER, "identity_provider_id": "p"}}, True),
        (TOKEN, True),
        ({"any_valid_service_token": {}}, True),
        (EVERYONE, False),
        (GERMANY, False),
        ({"login_method": {"id": "pin"}}, False),
        (ip("198.51.100.7"), True),
        (ip("198.51.100.7/32"), True),
        (ip("2001:db8::7/128"), True),
        (ip("198.51.100.0/31"), None),
        (ip("2001:db8::/56"), None),
        (ip("0.0.0.0/1"), None),
        (ip("0.0.0.0/0"), False),
        (ip("::/0"), False),
        (ip("home"), None),
        (ip(7), None),
        ({"ip_list": {"id": "x"}}, None),
        ({"auth_method": {"auth_method": "mfa"}}, None),
        ({"user_risk_score": {}}, None),
        (POSTURE, None),
        ({"email": {"email": OWNER}, "everyone": {}}, None),
        ({"something_new": {"x": 1}}, None),
    ],
    ids=str,
)
def test_selectors(selector: Selector, *, truth: bool | None) -> None:
    """What is true of strangers as well names nobody; what is not understood is not known."""
    assert names_all(policy(include=[selector]).rules) is truth


@pytest.mark.parametrize(
    ("rules", "truth"),
    [
        ({"include": [MAIL, TOKEN]}, True),
        ({"include": [MAIL, EVERYONE]}, False),
        ({"include": [MAIL, POSTURE]}, None),
        ({"include": [POSTURE, EVERYONE]}, False),
        ({"include": [EVERYONE], "require": [GERMANY]}, False),
        ({"include": [EVERYONE], "require": [GERMANY, MAIL]}, True),
        ({"include": [EVERYONE], "require": [POSTURE]}, None),
        ({"include": [EVERYONE], "exclude": [GERMANY]}, False),
        ({"include": [EVERYONE], "exclude": [MAIL]}, False),
        ({"include": []}, True),
    ],
    ids=str,
)
def test_rules(rules: dict[str, Any], *, truth: bool | None) -> None:
    """Each way in has to name somebody, or something that is required; who is left out says nothing."""
    assert names_all(policy(**rules).rules) is truth


@pytest.mark.parametrize(
    ("of_group", "truth"),
    [
        ({"include": [MAIL]}, True),
        ({"include": [MAIL, EVERYONE]}, False),
        ({"include": [EVERYONE], "require": [MAIL]}, True),
        ({"include": [MAIL, GROUP]}, None),
        ({"include": [{"group": {"id": "gone"}}]}, None),
    ],
    ids=str,
)
def test_groups(of_group: dict[str, Any], *, truth: bool | None) -> None:
    """A group names whom its rules name; of one that is not known, or contains itself, nobody knows."""
    rules = policy(include=[GROUP]).rules
    assert names_all(rules, {"group": group(**of_group)}) is truth
    assert names_all(rules) is None


@pytest.mark.parametrize(
    ("fields", "passes"),
    [
        ({"decision": "allow", "include": [EVERYONE]}, False),
        ({"decision": "deny", "include": [EVERYONE]}, False),
        ({"decision": "bypass", "include": [EVERYONE]}, True),
        ({"decision": "bypass", "include": [GROUP]}, None),
        ({"decision": "bypass", "include": [POSTURE]}, None),
        ({"decision": "bypass", "include": [ip("198.51.100.7/32")]}, False),
        ({"decision": "bypass", "include": [ip("198.51.100.0/24")]}, None),
        ({"decision": "non_identity", "include": [GERMANY]}, True),
        ({"decision": "non_identity", "include": [TOKEN]}, False),
        ({"decision": "something_new", "include": [MAIL]}, None),
    ],
    ids=str,
)
def test_without_a_login(fields: dict[str, Any], *, passes: bool | None) -> None:
    """Only policies that allow or block wait for a login."""
    assert lets_strangers_pass(policy(**fields)) is passes


@pytest.mark.parametrize(
    ("decision", "selector", "surely", "perhaps"),
    [
        *(
            (decision, selector, surely, perhaps)
            for decision in ("allow", "bypass", "non_identity")
            for selector, surely, perhaps in (
                (MAIL, False, False),
                (GROUP, True, True),
                (POSTURE, False, True),
            )
        ),
        ("deny", EVERYONE, False, False),
        ("something_new", EVERYONE, False, True),
    ],
)
def test_strangers(
    decision: str, selector: Selector, *, surely: bool, perhaps: bool
) -> None:
    """What surely opens is fixed; what may is only told. A policy that blocks lets nobody in."""
    found, groups = (
        policy(decision=decision, include=[selector]),
        {"group": group(include=[EVERYONE])},
    )
    assert lets_anybody_in(found, groups) is surely
    assert may_let_strangers_in(found, groups) is perhaps
