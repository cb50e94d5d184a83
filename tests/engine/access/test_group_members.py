"""Whom groups let in that policies name, and who is taken out of them."""

from collections.abc import Mapping
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.beyond_settings import LetIn
from custom_components.cloudflare_mtls.engine.access.group_members import (
    members_by_group,
    taken_out,
)
from custom_components.cloudflare_mtls.engine.access.observation import OwnIds
from custom_components.cloudflare_mtls.engine.access.plan import Occasion
from custom_components.cloudflare_mtls.engine.access.settings import (
    LoginSettings,
    PeopleOfGroup,
)
from tests.engine.access.helpers import HOME, OWNER, PARTNER, STRANGER, settings
from tests.engine.access.test_sessions import OWN, email, other
from tests.engine.access.worlds import group, in_sync, observed, plan

FAMILY = settings(who=PeopleOfGroup("family"))
STORED = OwnIds(application=f"id-of-{HOME}", policy="policy")
IN_FRIENDS = {"group": {"id": "friends"}}
COMPANY = {"email_domain": {"domain": "example.org"}}


def members(
    *groups: dict[str, Any], chosen: LoginSettings = FAMILY, **more: Any
) -> Mapping[str, LetIn]:
    """Return whom groups of the account let in."""
    seen = in_sync(chosen, **more)
    of_account = [*seen.groups, *(group(**each) for each in groups)]
    seen = observed(*seen.applications, policies=seen.policies, groups=of_account)
    return members_by_group(seen, plan(seen, chosen, Occasion.KEEP, STORED))


def out_of(
    before: Mapping[str, LetIn], *groups: dict[str, Any], **more: Any
) -> tuple[set[str], int]:
    """Return the addresses that are taken out, and how many other ways are over."""
    out = taken_out(before, members(*groups, **more))
    return {*out.emails}, len(out.ways)


def test_chosen_group() -> None:
    """Single people are known by name, others by what let them in."""
    family = {"id": "family", "include": [email(OWNER), email(PARTNER), COMPANY]}
    before = members(family)
    assert before["family"].emails == {OWNER, PARTNER}
    assert out_of(before, family) == (set(), 0)
    smaller = {"id": "family", "include": [email(OWNER)]}
    assert out_of(before, smaller) == ({PARTNER}, 1)
    larger = {"id": "family", "include": [*family["include"], email(STRANGER)]}
    assert out_of(before, larger) == (set(), 0)


@pytest.mark.parametrize(
    "narrower", [{"require": [COMPANY]}, {"exclude": [email(PARTNER)]}], ids=str
)
def test_group_that_asks_for_more(narrower: dict[str, Any]) -> None:
    """People who could log in without that may still be logged in; nobody knows who."""
    family = {"id": "family", "include": [email(OWNER), email(PARTNER)]}
    assert out_of(members(family), family | narrower) == (set(), 1)


def test_group_that_is_not_listed() -> None:
    """No single list decides that it is gone: people would be logged out at every application."""
    before = members({"id": "family", "include": [email(OWNER)]})
    assert out_of(before) == (set(), 0)


def test_group_in_a_group() -> None:
    """A group that contains itself ends there."""
    family = {"id": "family", "include": [IN_FRIENDS]}
    friends = {"id": "friends", "include": [email(PARTNER), IN_FRIENDS]}
    before = members(family, friends)
    assert before.keys() == {"family", "friends"}
    assert out_of(before, family, {"id": "friends", "include": [IN_FRIENDS]}) == (
        {PARTNER},
        0,
    )


def test_group_that_is_excluded() -> None:
    """Who is put into it is out, if they were in; who is taken out of it is not."""
    family = {
        "id": "family",
        "include": [email(OWNER), email(PARTNER)],
        "exclude": [IN_FRIENDS],
    }
    nobody = {"id": "friends", "include": []}
    moved_out = {"id": "friends", "include": [email(PARTNER), email(STRANGER)]}
    assert out_of(members(family, nobody), family, moved_out) == ({PARTNER}, 0)
    assert out_of(members(family, moved_out), family, nobody) == (set(), 0)
    by_domain = {"id": "friends", "include": [COMPANY]}
    assert out_of(members(family, nobody), family, by_domain) == (set(), 1)


def test_group_of_another_policy() -> None:
    friends = {"id": "friends", "include": [email(PARTNER)]}
    nobody = {"id": "friends", "include": []}
    theirs: dict[str, Any] = {"policies": [OWN, other("allow", IN_FRIENDS)]}
    one = settings(OWNER)
    before = members(friends, chosen=one, **theirs)
    assert out_of(before, nobody, chosen=one, **theirs) == ({PARTNER}, 0)
    # That the policy is gone ends each session anyway.
    assert out_of(before, nobody, chosen=one) == (set(), 0)

    required = other("allow", {"everyone": {}}) | {"require": [IN_FRIENDS]}
    assert members(friends, chosen=one, policies=[OWN, required]) == before


def test_nobody_logs_in_by_a_bypass() -> None:
    theirs = {"policies": [OWN, other("bypass", IN_FRIENDS)]}
    friends = {"id": "friends", "include": [email(PARTNER)]}
    assert members(friends, chosen=settings(OWNER), **theirs) == {}


def test_group_that_a_policy_denies() -> None:
    """Who is put into it is out, as one who is put into a group that is excluded."""
    own = {"include": [{"group": {"id": "family"}}]}
    theirs = {
        "policies": [OWN, other("allow", *own["include"]), other("deny", IN_FRIENDS)]
    }
    family = {"id": "family", "include": [email(PARTNER)]}
    nobody = {"id": "friends", "include": []}
    denied = {"id": "friends", "include": [email(PARTNER)]}
    one = settings(OWNER)
    before = members(family, nobody, chosen=one, **theirs)
    assert out_of(before, family, denied, chosen=one, **theirs) == ({PARTNER}, 0)


def test_countries() -> None:
    """Our own group of them is compared at every request."""
    chosen = settings(OWNER, countries=frozenset({"DE"}))
    assert members(chosen=chosen) == {}


def test_application_that_is_only_watched() -> None:
    family = {"id": "family", "include": [email(OWNER)]}
    assert members(family, chosen=settings(who=FAMILY.who, adopted=True)) == {}
