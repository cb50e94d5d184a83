"""The settings that agree with what somebody chose at Cloudflare, where settings can say it."""

from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.as_found import settings_as_found
from custom_components.cloudflare_mtls.engine.access.settings import (
    LoginSettings,
    PeopleOfGroup,
)
from tests.engine.access.helpers import OWNER, PARTNER, settings
from tests.engine.access.worlds import GOOGLE, PIN, in_sync, observed, own_of, plan

COUNTRIES = settings(countries=frozenset({"DE", "AT"}))
ONE_COUNTRY = settings(countries=frozenset({"DE"}))


def email(address: str) -> dict[str, Any]:
    """Return a selector of one address."""
    return {"email": {"email": address}}


def geo(code: str) -> dict[str, Any]:
    """Return a selector of one country."""
    return {"geo": {"country_code": code}}


@pytest.mark.parametrize(
    ("chosen", "fields", "expected"),
    [
        (settings(), {}, settings()),
        (
            settings(),
            {"of_policy": {"include": [email(OWNER), email(PARTNER)]}},
            settings(OWNER, PARTNER),
        ),
        (
            settings(),
            {"of_policy": {"include": [{"group": {"id": "family"}}]}},
            settings(who=PeopleOfGroup("family")),
        ),
        (
            COUNTRIES,
            {"of_group": {"include": [geo("DE"), geo("FR")]}},
            settings(countries=frozenset({"DE", "FR"})),
        ),
        (
            ONE_COUNTRY,
            {"of_policy": {"require": [geo("FR")]}},
            settings(countries=frozenset({"FR"})),
        ),
        (ONE_COUNTRY, {"of_policy": {"require": []}}, settings()),
        (
            settings(),
            {"allowed_idps": [PIN.id, GOOGLE.id]},
            settings(login_methods=frozenset({GOOGLE.id})),
        ),
        (
            settings(),
            {"allowed_idps": [GOOGLE.id]},
            settings(login_methods=frozenset({GOOGLE.id}), one_time_pin=False),
        ),
        (settings(), {"allowed_idps": []}, settings(one_time_pin=False)),
    ],
)
def test_what_settings_can_say(
    chosen: LoginSettings, fields: dict[str, Any], expected: LoginSettings
) -> None:
    """With them, nothing is left for a person to decide."""
    seen = in_sync(chosen, **fields)
    found = settings_as_found(seen, own_of(seen, chosen), chosen)
    assert found == expected
    assert plan(seen, found).for_a_person == ()


@pytest.mark.parametrize(
    ("chosen", "fields"),
    [
        (settings(), {"of_policy": {"include": []}}),
        (
            settings(),
            {
                "of_policy": {
                    "include": [email(OWNER), {"email_domain": {"domain": "a.example"}}]
                }
            },
        ),
        (settings(), {"of_policy": {"exclude": [email(OWNER)]}}),
        # Cloudflare would let in nobody: no visitor is in two countries.
        (ONE_COUNTRY, {"of_policy": {"require": [geo("DE"), geo("FR")]}}),
        (settings(), {"of_policy": {"require": [{"ip": {"ip": "192.0.2.1/32"}}]}}),
        (settings(), {"of_policy": {"require": [{"group": {"id": "theirs"}}]}}),
        (COUNTRIES, {"of_group": {"include": [geo("DE"), email(OWNER)]}}),
    ],
)
def test_what_settings_cannot_say(
    chosen: LoginSettings, fields: dict[str, Any]
) -> None:
    seen = in_sync(chosen, **fields)
    assert settings_as_found(seen, own_of(seen, chosen), chosen) is None


def test_nothing_that_is_gone_is_taken_over() -> None:
    seen = observed()
    assert settings_as_found(seen, own_of(seen, settings()), settings()) is None
