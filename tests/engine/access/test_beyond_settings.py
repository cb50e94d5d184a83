"""Who can log in beyond the settings, who no longer can, and who was chosen since."""

from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.beyond_settings import (
    LetIn,
    beyond_settings,
    may_log_in,
    still_let_in,
    who_is_out,
)
from custom_components.cloudflare_mtls.engine.access.observation import (
    AccessObservation,
    OwnIds,
)
from custom_components.cloudflare_mtls.engine.access.plan import Occasion
from custom_components.cloudflare_mtls.engine.access.settings import (
    LoginSettings,
    PeopleOfGroup,
)
from tests.engine.access.helpers import HOME, OWNER, PARTNER, STRANGER, settings
from tests.engine.access.test_sessions import EVERYONE, OWN, email, other
from tests.engine.access.worlds import (
    GOOGLE,
    PIN,
    group,
    in_sync,
    observed,
    plan,
    policy,
)

ONE = settings(OWNER)
NOBODY = LetIn()
STORED = OwnIds(application=f"id-of-{HOME}", policy="policy")


def look(
    known: LetIn, seen: AccessObservation, chosen: LoginSettings = ONE
) -> tuple[LetIn, LetIn]:
    """Return who is let in beyond the settings after a look, and who no longer is."""
    made = plan(seen, chosen, Occasion.KEEP, STORED)
    out = who_is_out(known, seen, made)
    return still_let_in(known, out, seen, made), out


def let_in(seen: AccessObservation, chosen: LoginSettings = ONE) -> LetIn:
    """Return who is let in beyond the settings where nobody was before."""
    now, out = look(NOBODY, seen, chosen)
    assert out == NOBODY
    return now


def people(*include: dict[str, Any]) -> AccessObservation:
    """Return what is seen where our policy lets these in as well."""
    return in_sync(ONE, of_policy={"include": [email(OWNER), *include]})


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"of_policy": {"include": []}},
        {"of_policy": {"decision": "bypass", "include": [EVERYONE]}},
        {"of_policy": {"require": [{"geo": {"country_code": "US"}}]}},
        {"policies": [OWN, other("bypass", EVERYONE)]},
        {"policies": [OWN, other("deny", email(STRANGER))]},
        {"policies": []},
        {"session_duration": "24h"},
    ],
    ids=str,
)
def test_nobody_logs_in_by_it(changed: dict[str, Any]) -> None:
    assert let_in(in_sync(ONE, **changed)) == NOBODY


@pytest.mark.parametrize(
    "changed",
    [
        {"of_policy": {"include": [email(OWNER), email(STRANGER)]}},
        {"of_policy": {"include": [email("no address")]}},
        {"of_policy": {"include": [EVERYONE]}},
        {"policies": [OWN, other("allow", email(STRANGER))]},
        {"policies": [OWN, other("non_identity", {"any_valid_service_token": {}})]},
        {"policies": [OWN, "only named"]},
        {"allowed_idps": [PIN.id, GOOGLE.id]},
        {"allowed_idps": []},
    ],
    ids=str,
)
def test_let_in_and_then_out(changed: dict[str, Any]) -> None:
    """What was seen before is no longer there, no matter who ended it."""
    seen = in_sync(ONE, **changed)
    known = let_in(seen)
    assert known != NOBODY
    assert look(known, seen) == (known, NOBODY)
    assert look(known, in_sync(ONE)) == (NOBODY, known)


def test_application_of_ours_that_is_gone() -> None:
    known = let_in(people(email(STRANGER)))
    assert look(known, observed()) == (NOBODY, known)


def test_application_that_is_only_watched() -> None:
    """Who logs in there somebody else decides, also of those who were strangers before."""
    known = let_in(people(email(STRANGER)))
    watched = settings(OWNER, adopted=True)
    assert look(known, people(email(STRANGER)), watched) == (NOBODY, NOBODY)


def test_policy_of_others_that_asks_for_more() -> None:
    """Who passed without that may still be logged in."""
    theirs = other("allow", EVERYONE)
    before = in_sync(ONE, policies=[OWN, theirs])
    stricter = theirs | {"require": [email(PARTNER)]}
    now, out = look(let_in(before), in_sync(ONE, policies=[OWN, stricter]))
    assert len(out.ways) == 1
    assert len(now.ways) == 2


def test_chosen_since() -> None:
    """Who is chosen is no stranger, by whatever was chosen."""
    seen = people(email(STRANGER))
    known = let_in(seen)
    assert look(known, seen, settings(OWNER, STRANGER)) == (NOBODY, NOBODY)

    family = group(id="family", include=[email(STRANGER)])
    chosen = settings(who=PeopleOfGroup("family"))
    in_group = in_sync(chosen)
    with_group = observed(
        *in_group.applications, policies=in_group.policies, groups=(family,)
    )
    assert look(known, with_group, chosen) == (NOBODY, NOBODY)

    every = in_sync(ONE, allowed_idps=[])
    anyhow = settings(OWNER, one_time_pin=False)
    assert look(let_in(every), every, anyhow) == (NOBODY, NOBODY)


def test_stranger_of_the_log() -> None:
    """They are out unless something that was not chosen may let them in."""
    known = LetIn(emails=frozenset({STRANGER}))
    assert look(known, in_sync(ONE)) == (NOBODY, known)
    domain = people({"email_domain": {"domain": "example.org"}})
    now, out = look(known, domain)
    assert (now.emails, out) == (known.emails, NOBODY)
    unclear = people({"okta": {"name": "Friends"}})
    now, out = look(known, unclear)
    assert (now.emails, out) == (known.emails, NOBODY)
    elsewhere = people({"email_domain": {"domain": "example.net"}})
    now, out = look(known, elsewhere)
    assert (now.emails, out) == (frozenset(), known)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"policies": [OWN, other("non_identity", {"ip": {"ip": "198.51.100.0/24"}})]},
        {"policies": [OWN, other("bypass", EVERYONE)]},
        {"policies": [OWN, other("allow", email(PARTNER))]},
        {"allowed_idps": [PIN.id, GOOGLE.id]},
    ],
    ids=["nothing", "programs", "without a login", "somebody else", "login method"],
)
def test_stranger_beside_a_way_of_others(more: dict[str, Any]) -> None:
    """Nobody knows who is in the chosen group, and by nothing else this person can log in."""
    known = LetIn(emails=frozenset({STRANGER}))
    family = group(id="family", include=[{"email_list": {"id": "list"}}])
    chosen = settings(who=PeopleOfGroup("family"))
    own = policy(id="policy", include=[{"group": {"id": "family"}}])
    of_application = {"policies": [own.raw], **more}
    of_application["policies"][0] = own.raw
    seen = in_sync(chosen, **of_application)
    seen = observed(*seen.applications, policies=seen.policies, groups=(family,))
    now, out = look(known, seen, chosen)
    assert out.emails == {STRANGER}
    assert now.emails == frozenset()


@pytest.mark.parametrize(
    ("chosen", "may"),
    [
        (settings(STRANGER), True),
        (settings(STRANGER, countries=frozenset({"DE", "AT"})), True),
        (settings(OWNER), False),
        (settings(who=PeopleOfGroup("family")), False),
        (settings(who=PeopleOfGroup("unread")), None),
        (settings(OWNER, adopted=True), None),
    ],
)
def test_who_may_log_in(chosen: LoginSettings, may: bool | None) -> None:
    groups = [group(id="family", include=[email(OWNER)])]
    assert may_log_in(chosen, groups, STRANGER) is may


def test_together() -> None:
    one, two = LetIn(emails=frozenset({OWNER})), LetIn(ways=frozenset({"a", "b"}))
    assert (one | two).without(two) == one
    assert (one | two).without(one) == two


def test_nothing_is_let_in_by_a_plan_without_an_application() -> None:
    assert beyond_settings(plan(observed(), ONE)) == NOBODY
