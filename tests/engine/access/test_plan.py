"""Plans for login hostnames: what differs, what is fixed when nobody asked, and in which order."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.drift import Drift
from custom_components.cloudflare_mtls.engine.access.marks import (
    TAG,
    application_name,
    policy_name,
)
from custom_components.cloudflare_mtls.engine.access.observation import OwnIds
from custom_components.cloudflare_mtls.engine.access.plan import (
    LoginPlan,
    Occasion,
    plan_login_removal,
)
from custom_components.cloudflare_mtls.engine.api.access_models import AccessApplication
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from custom_components.cloudflare_mtls.engine.sync.steps import describe_step
from tests.engine.access.helpers import HOME, OWNER, PARTNER, STRANGER, kinds, settings
from tests.engine.access.worlds import (
    AUDIENCE,
    GOOGLE,
    PIN,
    application,
    group,
    in_sync,
    observed,
    own_of,
    plan,
    policy,
)
from tests.engine.builders import SERVICE, TUNNEL_ID, configuration

ONE = settings(OWNER, countries=frozenset({"DE"}))
SEVERAL = settings(
    OWNER,
    PARTNER,
    countries=frozenset({"DE", "AT"}),
    open_paths=frozenset({"/api/webhook/"}),
)
EVERYONE: dict[str, Any] = {"everyone": {}}
OTHER_POLICY = {
    "id": "other",
    "name": "Scripts",
    "decision": "non_identity",
    "include": [{"service_token": {"token_id": "t"}}],
    "reusable": True,
    "precedence": 2,
}
OPEN_POLICY = {
    "id": "open",
    "name": "All",
    "decision": "bypass",
    "include": [EVERYONE],
    "reusable": True,
    "precedence": 1,
}


def email(address: str) -> dict[str, Any]:
    """Return a selector."""
    return {"email": {"email": address}}


def drifts(made: LoginPlan) -> list[Drift]:
    """Return what differs."""
    return [each.drift for each in made.differences]


@pytest.mark.parametrize("chosen", [ONE, SEVERAL])
@pytest.mark.parametrize("occasion", Occasion)
def test_in_sync(chosen: Any, occasion: Occasion) -> None:
    """Nothing is written where all is as it must be."""
    made = plan(in_sync(chosen), chosen, occasion)
    assert made.in_sync
    assert made.steps == ()
    assert made.problems == ()


@pytest.mark.parametrize(
    "as_written",
    [
        {"app_launcher_visible": False, "enable_binding_cookie": None},
        {"path_cookie_attribute": None, "http_only_cookie_attribute": None},
        {"session_duration": "168h0m0s"},
        {"session_duration": "10080m"},
        {"tags": ["zoo", TAG, "alpha"]},
        {"custom_deny_message": "Go away", "something_new": {"x": 1}},
        {"policies": [{**in_sync(ONE).policies[0].raw, "precedence": 7}]},
    ],
)
def test_other_spellings_are_no_drift(as_written: dict[str, Any]) -> None:
    """What Cloudflare leaves out, orders or writes in another way, and what others add, differs not."""
    assert plan(in_sync(ONE, **as_written), ONE).in_sync


@pytest.mark.parametrize(
    ("changed", "drift", "fixed"),
    [
        ({"of_policy": {"include": [email(OWNER), email(STRANGER)]}}, "people", False),
        ({"of_policy": {"include": [email(STRANGER)]}}, "people", False),
        ({"of_policy": {"exclude": [email(OWNER)]}}, "people", False),
        ({"of_policy": {"require": []}}, "countries", False),
        (
            {"of_policy": {"require": [{"geo": {"country_code": "US"}}]}},
            "countries",
            False,
        ),
        ({"allowed_idps": []}, "login_methods", False),
        ({"allowed_idps": ["pin", "google"]}, "login_methods", False),
        ({"of_policy": {"decision": "bypass"}}, "policy_opened", True),
        ({"of_policy": {"decision": "deny"}}, "policy_opened", True),
        (
            {"of_policy": {"include": [email(OWNER), EVERYONE]}},
            "policy_opened",
            True,
        ),
        (
            {"of_policy": {"include": [{"login_method": {"id": "pin"}}]}},
            "policy_opened",
            True,
        ),
        (
            {"of_policy": {"include": [{"geo": {"country_code": "DE"}}]}},
            "policy_opened",
            True,
        ),
        ({"session_duration": "24h"}, "application_settings", True),
        ({"session_duration": "for ever"}, "application_settings", True),
        ({"same_site_cookie_attribute": "strict"}, "application_settings", True),
        ({"same_site_cookie_attribute": None}, "application_settings", True),
        ({"enable_binding_cookie": True}, "application_settings", True),
        ({"http_only_cookie_attribute": False}, "application_settings", True),
    ],
)
def test_drift(changed: dict[str, Any], drift: str, fixed: bool) -> None:
    """Who gets in is only told; all else is fixed unasked. A person who asks gets all of it fixed."""
    seen = in_sync(ONE, **changed)
    kept, asked = plan(seen, ONE), plan(seen, ONE, Occasion.CHANGE)
    assert drifts(kept) == drifts(asked) == [Drift(drift)]
    assert bool(kept.steps) is fixed
    assert bool(kept.for_a_person) is not fixed
    [step] = asked.steps
    assert step.detail == drift
    assert str(step.action) == "update"


def test_people_who_were_added_and_removed_are_named() -> None:
    """A repair can say who gets in now and who no longer does."""
    seen = in_sync(ONE, of_policy={"include": [email(STRANGER)]})
    [difference] = plan(seen, ONE).differences
    assert (difference.added, difference.missing) == ((STRANGER,), (OWNER,))


def test_countries_of_the_group_are_named() -> None:
    """A group's countries are told one by one, and never changed unasked."""
    changed = {"include": [{"geo": {"country_code": code}} for code in ("DE", "US")]}
    made = plan(in_sync(SEVERAL, of_group=changed), SEVERAL)
    [difference] = made.differences
    assert difference.drift is Drift.COUNTRIES
    assert (difference.added, difference.missing) == (("US",), ("AT",))
    assert made.steps == ()


@pytest.mark.parametrize(
    ("policies", "found", "steps"),
    [
        ([], [Drift.POLICY_GONE], ["update access_application"]),
        (
            [OPEN_POLICY],
            [Drift.POLICY_GONE, Drift.OPEN_POLICY],
            ["update access_application"],
        ),
        ([in_sync(ONE).policies[0].raw, OTHER_POLICY], [Drift.OTHER_POLICY], []),
        (
            [in_sync(ONE).policies[0].raw, OPEN_POLICY, OTHER_POLICY],
            [Drift.OPEN_POLICY, Drift.OTHER_POLICY],
            ["update access_application"],
        ),
    ],
)
def test_policies_of_the_application(
    policies: list[Any], found: list[Drift], steps: list[str]
) -> None:
    """Ours comes back, one that opens the hostname goes, and any other one is only told."""
    seen = in_sync(ONE, policies=policies)
    made = plan(
        seen,
        ONE,
        stored=OwnIds(application=own_of(seen, ONE).ids.application, policy="policy"),
    )
    assert drifts(made) == found
    assert kinds(made.steps) == steps


def test_order_of_a_set_up() -> None:
    """What has no effect alone comes first, and the application last."""
    made = plan(observed(login_methods=(GOOGLE,)), SEVERAL, Occasion.SET_UP)
    assert made.problems == ()
    assert kinds(made.steps) == [
        "create login_method",
        "create access_tag",
        "create access_group",
        "create access_policy",
        "create path_application",
        "create access_application",
    ]


def test_order_of_a_change_of_countries() -> None:
    """The group is there before the policy names it, and goes once no policy does."""
    more = plan(
        in_sync(ONE), settings(countries=frozenset({"DE", "AT"})), Occasion.CHANGE
    )
    assert kinds(more.steps) == ["create access_group", "update access_policy"]
    assert describe_step(more.steps[1]) == {
        "kind": "access_policy",
        "action": "update",
        "target": policy_name(HOME),
        "detail": "countries",
    }
    chosen = settings(
        OWNER, PARTNER, countries=frozenset({"DE"}), open_paths=SEVERAL.open_paths
    )
    fewer = plan(in_sync(SEVERAL), chosen, Occasion.CHANGE)
    assert kinds(fewer.steps) == ["update access_policy", "delete access_group"]


def test_application_gone() -> None:
    """It is created again for the people who are at Cloudflare, not for those of long ago."""
    seen = in_sync(ONE, of_policy={"include": [email(STRANGER)], "app_count": 0})
    alone = observed(policies=seen.policies)
    made = plan(alone, ONE)
    assert drifts(made) == [Drift.APPLICATION_GONE, Drift.PEOPLE]
    assert kinds(made.steps) == ["create access_tag", "create access_application"]
    asked = plan(alone, ONE, Occasion.CHANGE)
    assert kinds(asked.steps)[1:] == [
        "update access_policy",
        "create access_application",
    ]


def test_policy_of_somebody_else_with_our_name_is_not_ours() -> None:
    """Names are not unique: one that another application uses is left alone."""
    theirs = policy(id="theirs", name=policy_name(HOME), app_count=1)
    own = own_of(observed(policies=(theirs,)), ONE)
    assert own.policy is None


@pytest.mark.parametrize(
    ("uri", "opens"),
    [
        ("nas.example.com", True),
        (f"{HOME}/api/*", True),
        (f"{HOME}/", False),
        ("*.example.com", False),
    ],
)
def test_application_that_moved_away(uri: str, *, opens: bool) -> None:
    """Our hostname joins the addresses that it has now; the others stay."""
    seen = in_sync(ONE, destinations=[{"type": "public", "uri": uri}])
    stored = OwnIds(application=f"id-of-{HOME}", policy="policy")
    made = plan(seen, ONE, stored=stored)
    assert drifts(made) == [Drift.ADDRESS]
    assert made.differences[0].opens is opens
    assert kinds(made.steps) == ["update access_application"]


def test_name_that_a_person_gave_it() -> None:
    """The stored id tells that it is ours."""
    stored = OwnIds(application=f"id-of-{HOME}")
    assert plan(in_sync(ONE, name="My home"), ONE, stored=stored).in_sync


@pytest.mark.parametrize(
    "other",
    [
        application(HOME, tags=[TAG]),
        application(HOME, name=application_name(HOME)),
        application("nas.example.com", name=application_name(HOME), tags=[TAG]),
        application(HOME, name=application_name("nas.example.com"), tags=[TAG]),
    ],
    ids=["tag", "name", "elsewhere", "name of another"],
)
def test_application_that_lacks_one_of_our_marks(other: AccessApplication) -> None:
    """Without a stored id, it is somebody else's: a tag is there for everybody to choose."""
    made = own_of(observed(other), ONE)
    assert made.application is None


@pytest.mark.parametrize(
    ("fields", "is_ours"),
    [
        ({}, True),
        ({"tags": []}, False),
        ({"name": "Admins"}, False),
        ({"policies": []}, False),
        ({"policies": [OTHER_POLICY]}, False),
        ({"policies": [OPEN_POLICY]}, False),
        ({"policies": [{**OPEN_POLICY, "reusable": False}, OTHER_POLICY]}, False),
        ({"destinations": [{"type": "public", "uri": HOME}]}, False),
        (
            {
                "destinations": [
                    {"type": "public", "uri": f"{HOME}/{path}"} for path in "ab"
                ]
            },
            False,
        ),
    ],
    ids=str,
)
def test_application_of_a_path(fields: dict[str, Any], *, is_ours: bool) -> None:
    """Without a stored id, only one that is as we create it counts as ours."""
    chosen = settings(open_paths=frozenset({"/auth/token"}))
    [_, path] = in_sync(chosen).applications
    changed = AccessApplication.parse(Fields({**path.raw, **fields}))
    assert bool(own_of(observed(changed), chosen).path_applications) is is_ours


def test_lost_tag() -> None:
    """Another tool took our tag away: the stored id tells whose it is, and the tag comes back."""
    seen = in_sync(ONE, tags=[])
    stored = OwnIds(application=f"id-of-{HOME}", policy="policy")
    made = plan(seen, ONE, stored=stored)
    assert drifts(made) == [Drift.TAG]
    assert kinds(made.steps) == ["update access_application"]


def test_paths() -> None:
    """A path that is no longer chosen is closed before another one is opened."""
    chosen = settings(
        OWNER,
        PARTNER,
        countries=SEVERAL.countries,
        open_paths=frozenset({"/auth/token"}),
    )
    made = plan(in_sync(SEVERAL), chosen, Occasion.CHANGE)
    assert [(str(step.action), step.target) for step in made.steps] == [
        ("delete", f"{HOME}/api/webhook/*"),
        ("create", f"{HOME}/auth/token"),
    ]


def test_path_that_asks_for_a_login() -> None:
    """Its application gets its open policy back."""
    [path] = SEVERAL.open_paths
    closed = application(f"{HOME}{path}*", tags=[TAG])
    seen = in_sync(settings(OWNER, PARTNER, countries=SEVERAL.countries), closed)
    stored = OwnIds(path_applications=frozenset({closed.id}))
    made = plan(seen, SEVERAL, stored=stored)
    assert drifts(made) == [Drift.PATH_CLOSED]
    assert kinds(made.steps) == ["update path_application"]


@pytest.mark.parametrize(
    ("demanded", "chosen", "action"),
    [
        (None, TUNNEL_ID, "create"),
        (
            {"required": True, "teamName": "our-team", "audTag": ["b"]},
            TUNNEL_ID,
            "create",
        ),
        (
            {"required": True, "teamName": "our-team", "audTag": [64 * "a"]},
            None,
            "delete",
        ),
    ],
)
def test_token_at_cloudflared(
    demanded: dict[str, Any] | None, chosen: str | None, action: str
) -> None:
    """Cloudflared demands the token of our application, or no longer does."""
    wanted = settings(connector_of=chosen)
    seen = in_sync(wanted)
    origin = {"noTLSVerify": True} | ({"access": demanded} if demanded else {})
    rule = {"hostname": HOME, "service": SERVICE, "originRequest": origin}
    configurations = {TUNNEL_ID: configuration(rule)}
    with_rule = replace(seen, configurations=configurations)
    made = plan(with_rule, wanted)
    assert drifts(made) == [Drift.CONNECTOR]
    assert kinds(made.steps) == [f"{action} connector_token"]


def test_removal() -> None:
    """The reverse order; the tag stays as long as another application has it."""
    other = application("cabin.example.com", tags=[TAG])
    seen = in_sync(SEVERAL, other)
    made = plan_login_removal(seen, own_of(seen, SEVERAL), SEVERAL)
    assert kinds(made.steps) == [
        "delete access_application",
        "delete path_application",
        "delete access_policy",
        "delete access_group",
    ]


def test_removal_of_what_others_use() -> None:
    """A policy that another application uses stays, and the group that it names."""
    seen = in_sync(SEVERAL, of_policy={"app_count": 2})
    made = plan_login_removal(seen, own_of(seen, SEVERAL), SEVERAL)
    assert kinds(made.steps) == [
        "delete access_application",
        "delete path_application",
        "delete access_tag",
    ]
    seen = in_sync(SEVERAL)
    theirs = policy(id="theirs", include=[{"group": {"id": "group"}}])
    shared = observed(
        *seen.applications, policies=(*seen.policies, theirs), groups=seen.groups
    )
    made = plan_login_removal(shared, own_of(shared, SEVERAL), SEVERAL)
    assert "delete access_group" not in kinds(made.steps)


def test_removal_of_an_application_that_protects_more() -> None:
    """It would open a hostname that nobody asked about, so a person has to look."""
    both = [{"type": "public", "uri": uri} for uri in (HOME, "nas.example.com")]
    seen = in_sync(ONE, destinations=both)
    assert plan(seen, ONE).in_sync
    made = plan_login_removal(seen, own_of(seen, ONE), ONE)
    assert made.steps == ()
    [problem] = made.problems
    assert (problem.code, problem.target) == ("also_protects", "nas.example.com")


def test_adopted_application() -> None:
    """It gets our tag, and nothing else; in the end it only loses the tag."""
    chosen = settings(adopted=True)
    theirs = application(
        HOME, policies=[OPEN_POLICY, OTHER_POLICY], session_duration="1h"
    )
    made = plan(observed(theirs, tags=frozenset()), chosen, Occasion.SET_UP)
    assert made.problems == ()
    assert kinds(made.steps) == ["create access_tag", "adopt access_application"]
    tagged = observed(
        application(HOME, policies=[OPEN_POLICY, OTHER_POLICY], tags=[TAG])
    )
    kept = plan(tagged, chosen)
    assert drifts(kept) == [Drift.OPEN_POLICY]
    assert kept.steps == ()
    removal = plan_login_removal(tagged, own_of(tagged, chosen), chosen)
    assert kinds(removal.steps) == ["release access_application", "delete access_tag"]


def test_adopted_application_beside_what_is_called_as_ours() -> None:
    """Only the application was adopted: all else is somebody else's, whatever it is called."""
    chosen = settings(
        adopted=True,
        countries=SEVERAL.countries,
        open_paths=SEVERAL.open_paths,
        connector_of=None,
    )
    built = in_sync(SEVERAL)
    theirs = application(HOME, tags=[TAG], aud=AUDIENCE)
    demanded = {"required": True, "teamName": "our-team", "audTag": [AUDIENCE]}
    rule = {
        "hostname": HOME,
        "service": SERVICE,
        "originRequest": {"access": demanded},
    }
    seen = observed(
        theirs,
        *built.applications[1:],
        policies=(replace(built.policies[0], application_count=0),),
        groups=built.groups,
        configurations={TUNNEL_ID: configuration(rule)},
    )
    removal = plan_login_removal(seen, own_of(seen, chosen), chosen)
    assert kinds(removal.steps) == ["release access_application"]


def test_confirmation_covers_what_was_shown() -> None:
    """A plan that has changed since is shown again; one of which all is done needs no more asking."""
    shown = plan(observed(), ONE, Occasion.SET_UP)
    assert plan(observed(), ONE, Occasion.SET_UP).is_covered_by(shown)
    other = plan(observed(groups=(group(),), login_methods=()), ONE, Occasion.SET_UP)
    assert not other.is_covered_by(shown)
    assert not plan(observed(), settings(PARTNER), Occasion.SET_UP).is_covered_by(shown)
    assert plan(in_sync(ONE), ONE).is_covered_by(shown)


def test_one_time_pin_is_one_of_the_allowed_methods() -> None:
    """With another method beside it, people choose."""
    chosen = settings(login_methods=frozenset({GOOGLE.id}))
    seen = observed(
        *in_sync(chosen).applications,
        policies=in_sync(chosen).policies,
        login_methods=(PIN, GOOGLE),
    )
    assert plan(seen, chosen).in_sync
    [own] = seen.applications
    assert own.allowed_login_methods == {PIN.id, GOOGLE.id}
    assert own.raw["auto_redirect_to_identity"] is False
