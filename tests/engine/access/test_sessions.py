"""Whose sessions end with a change: those of people who may have logged in, and nobody else's."""

from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.observation import OwnIds
from custom_components.cloudflare_mtls.engine.access.plan import Occasion
from custom_components.cloudflare_mtls.engine.access.sessions import (
    Sessions,
    sessions_to_end,
)
from custom_components.cloudflare_mtls.engine.access.settings import PeopleOfGroup
from tests.engine.access.helpers import OWNER, PARTNER, STRANGER, settings
from tests.engine.access.worlds import GOOGLE, group, in_sync, observed, plan

ONE = settings(OWNER)
NOBODY = Sessions()
EVERYBODY = Sessions(of_everybody=True)
EVERYONE: dict[str, Any] = {"everyone": {}}


def email(address: str) -> dict[str, Any]:
    """Return a selector."""
    return {"email": {"email": address}}


def other(decision: str, *include: dict[str, Any]) -> dict[str, Any]:
    """Return a policy of somebody else."""
    return {
        "id": "other",
        "name": "Theirs",
        "decision": decision,
        "include": list(include),
        "reusable": True,
    }


OWN = in_sync(ONE).policies[0].raw


@pytest.mark.parametrize(
    ("changed", "ended"),
    [
        ({}, NOBODY),
        ({"of_policy": {"include": [EVERYONE]}}, EVERYBODY),
        ({"of_policy": {"include": [email(OWNER), EVERYONE]}}, EVERYBODY),
        (
            {"of_policy": {"include": [email(OWNER), email(STRANGER)]}},
            Sessions(emails=frozenset({STRANGER})),
        ),
        (
            {
                "of_policy": {
                    "include": [
                        email(OWNER),
                        email(STRANGER),
                        {"email_domain": {"domain": "evil.example"}},
                    ]
                }
            },
            Sessions(of_everybody=True, emails=frozenset({STRANGER})),
        ),
        ({"of_policy": {"include": [email(OWNER), email("no address")]}}, EVERYBODY),
        (
            {"of_policy": {"include": [{"common_name": {"common_name": STRANGER}}]}},
            EVERYBODY,
        ),
        ({"of_policy": {"include": [{"ip": {"ip": "0.0.0.0/0"}}]}}, EVERYBODY),
        ({"of_policy": {"include": [{"group": {"id": "x"}}]}}, EVERYBODY),
        ({"of_policy": {"exclude": [email(OWNER)]}}, NOBODY),
        ({"of_policy": {"include": []}}, NOBODY),
        ({"of_policy": {"decision": "bypass", "include": [EVERYONE]}}, NOBODY),
        ({"of_policy": {"decision": "deny"}}, NOBODY),
        ({"of_policy": {"require": [{"geo": {"country_code": "US"}}]}}, NOBODY),
        ({"policies": [OWN, other("allow", email(STRANGER))]}, EVERYBODY),
        ({"policies": [OWN, other("allow", EVERYONE)]}, EVERYBODY),
        (
            {"policies": [OWN, other("non_identity", {"any_valid_service_token": {}})]},
            EVERYBODY,
        ),
        ({"policies": [OWN, other("bypass", EVERYONE)]}, NOBODY),
        ({"policies": [OWN, other("deny", email(STRANGER))]}, NOBODY),
        ({"policies": []}, NOBODY),
        ({"allowed_idps": ["pin", "google"]}, EVERYBODY),
        ({"allowed_idps": []}, EVERYBODY),
        ({"session_duration": "24h", "tags": []}, NOBODY),
    ],
    ids=str,
)
def test_what_somebody_changed_at_cloudflare(
    changed: dict[str, Any], ended: Sessions
) -> None:
    """Who passed without a login has no session, and countries are looked at every time."""
    stored = OwnIds(application="id-of-home.example.com", policy="policy")
    made = plan(in_sync(ONE, **changed), ONE, Occasion.CHANGE, stored)
    assert sessions_to_end(made) == ended


def test_other_method_of_an_account_that_allows_all() -> None:
    """Nothing that was allowed is taken away."""
    chosen = settings(one_time_pin=False)
    made = plan(in_sync(chosen, allowed_idps=["pin"]), chosen, Occasion.CHANGE)
    assert made.steps
    assert sessions_to_end(made) == NOBODY


def test_only_what_is_fixed_ends_sessions() -> None:
    """People who were added stay until a person decides."""
    added = {"include": [email(OWNER), email(STRANGER)]}
    seen = in_sync(ONE, of_policy=added, session_duration="24h")
    kept = plan(seen, ONE, Occasion.KEEP)
    assert kept.steps
    assert sessions_to_end(kept) == NOBODY


def test_new_application_has_no_sessions() -> None:
    """Its audience is another one, so that no token fits it."""
    seen = in_sync(ONE, of_policy={"include": [EVERYONE], "app_count": 0})
    made = plan(observed(policies=seen.policies), ONE, Occasion.CHANGE)
    assert made.steps
    assert sessions_to_end(made) == NOBODY


def test_changed_settings() -> None:
    """People who were chosen before lose their sessions here, and a stranger everywhere."""
    before = settings(OWNER, PARTNER)
    seen = in_sync(
        before,
        of_policy={"include": [email(OWNER), email(PARTNER), email(STRANGER)]},
    )
    made = plan(seen, ONE, Occasion.CHANGE)
    stranger = frozenset({STRANGER})
    assert sessions_to_end(made, before) == Sessions(of_everybody=True, emails=stranger)
    more = settings(OWNER, PARTNER, "new@example.com")
    made = plan(seen, more, Occasion.CHANGE)
    assert sessions_to_end(made, before) == Sessions(emails=stranger)


def test_settings_that_shut_out_where_nothing_is_left_to_write() -> None:
    """Somebody made the same change at Cloudflare already, where it ended nobody's session."""
    made = plan(in_sync(ONE), ONE, Occasion.CHANGE)
    assert made.in_sync
    assert sessions_to_end(made, settings(OWNER, PARTNER)) == EVERYBODY
    assert sessions_to_end(made, ONE) == NOBODY


def test_application_that_is_only_watched() -> None:
    """Whom it lets in is not decided here, whatever is chosen."""
    before = settings(OWNER, PARTNER, adopted=True)
    after = settings(OWNER, adopted=True)
    made = plan(in_sync(ONE), after, Occasion.CHANGE)
    assert made.own.application
    assert sessions_to_end(made, before) == NOBODY


def test_another_group() -> None:
    """Nobody knows who was in the former one."""
    before = settings(who=PeopleOfGroup("old"))
    after = settings(who=PeopleOfGroup("new"), login_methods=frozenset({GOOGLE.id}))
    seen = in_sync(before)
    both = (group(id="old"), group(id="new"))
    made = plan(
        observed(*seen.applications, policies=seen.policies, groups=both),
        after,
        Occasion.CHANGE,
    )
    assert sessions_to_end(made, before) == EVERYBODY


def test_what_is_left() -> None:
    """What is due is put together, and what has ended is taken off it."""
    people = Sessions(emails=frozenset({OWNER, STRANGER}))
    due = EVERYBODY | people
    assert due
    assert due.without(EVERYBODY) == people
    assert due.without(Sessions(emails=frozenset({OWNER}))) == Sessions(
        of_everybody=True, emails=frozenset({STRANGER})
    )
    assert not due.without(due)
