"""Which login methods are new, or tell in another way who somebody is."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.login_methods import (
    changed_methods,
    known_methods,
)
from custom_components.cloudflare_mtls.engine.access.observation import (
    AccessObservation,
)
from custom_components.cloudflare_mtls.engine.access.settings import LoginSettings
from custom_components.cloudflare_mtls.engine.api.access_models import LoginMethod
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from tests.engine.access.helpers import OWNER, settings
from tests.engine.access.worlds import GOOGLE, PIN, TEAM

BY_GOOGLE = settings(OWNER, login_methods=frozenset({GOOGLE.id}))
BY_ALL = settings(OWNER, one_time_pin=False)
OKTA = LoginMethod(id="okta", type="okta", name="Okta", contents="one")
ELSEWHERE = replace(GOOGLE, contents="elsewhere")


def seen(*methods: LoginMethod) -> AccessObservation:
    """Return an account with these login methods."""
    return AccessObservation(organization=TEAM, login_methods=methods)


@pytest.mark.parametrize(
    ("chosen", "now", "changed"),
    [
        (BY_GOOGLE, [GOOGLE, PIN], []),
        (BY_GOOGLE, [ELSEWHERE, PIN], [ELSEWHERE]),
        (BY_GOOGLE, [GOOGLE, PIN, OKTA], []),
        (BY_GOOGLE, [], []),
        (BY_ALL, [GOOGLE, PIN], []),
        (BY_ALL, [GOOGLE, OKTA], [OKTA]),
        (BY_ALL, [ELSEWHERE, replace(PIN, id="new")], [ELSEWHERE]),
        (settings(OWNER), [ELSEWHERE, PIN, OKTA], []),
        (settings(OWNER, adopted=True), [ELSEWHERE], []),
    ],
)
def test_changed(
    chosen: LoginSettings, now: list[LoginMethod], changed: list[LoginMethod]
) -> None:
    """It stays so at later looks, until the method is as it was."""
    before = seen(GOOGLE, PIN)
    assert changed_methods({}, chosen, before) == ()
    known = known_methods({}, chosen, before)
    for _ in range(2):
        assert changed_methods(known, chosen, seen(*now)) == tuple(changed)
        known = known_methods(known, chosen, seen(*now))
    assert changed_methods(known, chosen, before) == ()


def test_method_that_is_chosen_later() -> None:
    """What it is by then is what the person chose."""
    known = known_methods({}, settings(OWNER), seen(GOOGLE, PIN))
    known = known_methods(known, settings(OWNER), seen(ELSEWHERE, PIN))
    assert changed_methods(known, BY_GOOGLE, seen(ELSEWHERE, PIN)) == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (
            {"client_id": "1", "auth_url": "a"},
            {"auth_url": "a", "client_id": "1"},
            True,
        ),
        (
            {"certs_url": "https://idp.example"},
            {"certs_url": "https://evil.example"},
            False,
        ),
        ({}, {"claims": ["email"]}, False),
    ],
)
def test_contents(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    """The provider counts, and not its name or the order of its settings."""

    def contents(config: dict[str, Any], name: str) -> str:
        body = {"id": "x", "type": "oidc", "name": name, "config": config}
        return LoginMethod.parse(Fields(body)).contents

    assert (contents(one, "A") == contents(other, "B")) is same
