"""What stands in the way of a login hostname, and whether anything is written in spite of it."""

from dataclasses import replace
from typing import Any

import pytest

from custom_components.cloudflare_mtls.engine.access.marks import TAG
from custom_components.cloudflare_mtls.engine.access.observation import OwnObjects
from custom_components.cloudflare_mtls.engine.access.plan import (
    Occasion,
    make_login_plan,
)
from custom_components.cloudflare_mtls.engine.access.problems import (
    LoginProblemCode,
    problem_of,
    seat_problem,
)
from custom_components.cloudflare_mtls.engine.access.settings import PeopleOfGroup
from custom_components.cloudflare_mtls.engine.api.access_models import (
    AccessApplication,
    AccessUser,
    LoginMethod,
)
from custom_components.cloudflare_mtls.engine.api.errors import (
    Permission,
    PermissionMissing,
    Unavailable,
    ZeroTrustNotSetUp,
)
from tests.engine.access.helpers import HOME, MOBILE, OWNER, settings
from tests.engine.access.worlds import (
    GOOGLE,
    PIN,
    TEAM,
    application,
    in_sync,
    observed,
    plan,
)
from tests.engine.builders import SERVICE, TUNNEL_ID, configuration

ONE = settings(OWNER)
BYPASS = [
    {"id": "all", "decision": "bypass", "include": [{"everyone": {}}], "reusable": True}
]
CLOUDFLARE = LoginMethod(id="cf", type="cloudflare", name="Cloudflare")


@pytest.mark.parametrize(
    ("other", "code", "refused"),
    [
        (application(HOME), "foreign_application", True),
        (application(HOME, policies=BYPASS), "foreign_application", True),
        (application("*.example.com"), "foreign_wildcard", True),
        (application(f"{HOME}/hook"), "foreign_path", False),
        (application(MOBILE), "login_at_mobile_hostname", True),
        (application(f"{MOBILE}/api"), "login_at_mobile_hostname", True),
        (application("home-*.example.com"), "login_at_mobile_hostname", True),
    ],
)
def test_other_applications(other: AccessApplication, code: str, refused: bool) -> None:
    """What covers the hostname, or that of the phones, stops a set-up."""
    made = plan(observed(other), ONE, Occasion.SET_UP)
    assert code in {each.code for each in made.problems}
    assert bool(made.steps) is not refused


def test_wildcard_that_a_person_agreed_to_replace() -> None:
    """Ours comes first then; no other problem is accepted by that."""
    for other, refused in (
        (application("*me.example.com"), False),
        (application(HOME), True),
    ):
        seen = observed(other)
        made = make_login_plan(
            seen, OwnObjects(), ONE, Occasion.SET_UP, [MOBILE], over_wildcard=True
        )
        assert made.problems
        assert bool(made.steps) is not refused


@pytest.mark.parametrize(
    "other",
    [
        application("nas.example.com"),
        application("example.com"),
        application("*.home.example.com"),
        application(MOBILE, policies=BYPASS),
        application(HOME, type="bookmark"),
    ],
)
def test_applications_that_are_in_nobodys_way(other: AccessApplication) -> None:
    """Other hostnames, links, and what lets everybody pass to the rules."""
    made = plan(observed(other), ONE, Occasion.SET_UP)
    assert made.problems == ()
    assert made.steps


def test_path_of_somebody_else_that_would_be_open() -> None:
    """An application of theirs has the very address, whichever letters it is written in."""
    chosen = settings(open_paths=frozenset({"/Hook"}))
    made = plan(observed(application(f"{HOME}/hook")), chosen, Occasion.SET_UP)
    [problem] = made.problems
    assert problem.code is LoginProblemCode.FOREIGN_APPLICATION
    assert made.steps == ()


def test_wildcard_beside_what_is_set_up() -> None:
    """Our application comes first, so nothing of theirs counts for the hostname any more."""
    made = plan(in_sync(ONE, application("*.elsewhere.example.com")), ONE)
    assert made.problems == ()


def test_problem_of_the_phones_is_no_reason_to_leave_the_hostname_open() -> None:
    """An application that is gone is created again, whatever somebody did to the phones."""
    seen = observed(application("home-m*.example.com"))
    made = plan(seen, ONE, Occasion.KEEP)
    assert [each.code for each in made.problems] == ["login_at_mobile_hostname"]
    assert made.steps


@pytest.mark.parametrize(
    ("exempt", "code"),
    [
        (frozenset(), [LoginProblemCode.MOBILE_HOSTNAME_DENIED]),
        (frozenset({"other.example"}), [LoginProblemCode.MOBILE_HOSTNAME_DENIED]),
        (frozenset({"example.com"}), []),
    ],
)
def test_hostnames_without_application_are_denied(
    exempt: frozenset[str], code: list[LoginProblemCode]
) -> None:
    """The organization shuts the phones out, save in the zones that it leaves out."""
    denying = replace(TEAM, denies_unmatched=True, exempt_zones=exempt)
    made = plan(observed(organization=denying), ONE, Occasion.SET_UP)
    assert [each.code for each in made.problems] == code
    assert bool(made.steps) is not bool(code)


@pytest.mark.parametrize(
    ("methods", "chosen", "codes", "refused"),
    [
        ((), {}, [], False),
        ((), {"one_time_pin": False}, ["no_login_method"], True),
        ((CLOUDFLARE,), {"one_time_pin": False}, ["only_cloudflare_login"], False),
        ((CLOUDFLARE,), {}, [], False),
        ((CLOUDFLARE, GOOGLE), {"one_time_pin": False}, [], False),
        (
            (CLOUDFLARE, GOOGLE),
            {"one_time_pin": False, "login_methods": frozenset({"cf"})},
            ["only_cloudflare_login"],
            False,
        ),
        ((PIN,), {"login_methods": frozenset({"gone"})}, ["login_method_gone"], True),
        (
            (PIN,),
            {"one_time_pin": False, "login_methods": frozenset({"gone"})},
            ["login_method_gone"],
            True,
        ),
    ],
)
def test_login_methods(
    methods: tuple[LoginMethod, ...],
    chosen: dict[str, Any],
    codes: list[str],
    refused: bool,
) -> None:
    """Without a way to log in, nobody would get in; by Cloudflare alone, few would."""
    made = plan(observed(login_methods=methods), settings(**chosen), Occasion.SET_UP)
    assert [each.code for each in made.problems] == codes
    assert bool(made.steps) is not refused


def test_group_that_is_gone() -> None:
    """A group that nobody can find lets nobody in."""
    chosen = settings(who=PeopleOfGroup("gone"))
    made = plan(observed(), chosen, Occasion.SET_UP)
    assert [(each.code, each.target) for each in made.problems] == [
        ("group_gone", "gone")
    ]
    assert made.steps == ()


@pytest.mark.parametrize(
    "configurations",
    [
        {},
        {TUNNEL_ID: configuration({"hostname": "nas.example.com", "service": SERVICE})},
    ],
)
def test_cloudflared_cannot_demand_the_token(configurations: Any) -> None:
    """A local tunnel has its rules in a file, and another one does not serve the hostname."""
    chosen = settings(connector_of=TUNNEL_ID)
    made = plan(observed(configurations=configurations), chosen, Occasion.SET_UP)
    assert [each.code for each in made.problems] == ["connector_cannot_demand"]
    assert made.steps == ()


@pytest.mark.parametrize("applications", [(), (application("*.example.com"),)])
def test_nothing_to_adopt(applications: tuple[AccessApplication, ...]) -> None:
    """Only an application for exactly this hostname can be adopted."""
    made = plan(observed(*applications), settings(adopted=True), Occasion.SET_UP)
    assert "nothing_to_adopt" in {each.code for each in made.problems}
    assert made.steps == ()


def test_our_tag_on_the_phones_hostname_helps_nobody() -> None:
    """Phones cannot log in, whosever application it is."""
    made = plan(observed(application(MOBILE, tags=[TAG])), ONE, Occasion.SET_UP)
    assert [each.code for each in made.problems] == ["login_at_mobile_hostname"]


@pytest.mark.parametrize(("seated", "needed"), [(48, None), (49, None), (50, "51")])
def test_seats(seated: int, needed: str | None) -> None:
    """Everybody who may log in takes a seat; a person who has one takes no other."""
    chosen = settings("user0@example.com", OWNER)
    users = [
        AccessUser(id=str(n), email=f"user{n}@example.com", has_seat=n < seated)
        for n in range(60)
    ]
    problem = seat_problem(users, chosen)
    assert (problem.detail if problem else None) == needed
    assert seat_problem(users, settings(who=PeopleOfGroup("g"))) is None


def test_errors_that_only_a_person_can_solve() -> None:
    """Zero Trust and permissions are theirs; an outage passes by itself."""
    not_set_up = problem_of(ZeroTrustNotSetUp(9999, "no"))
    assert not_set_up is not None
    assert not_set_up.code is LoginProblemCode.ZERO_TRUST_NOT_SET_UP
    missing = problem_of(PermissionMissing(Permission.ACCESS_EDIT))
    assert missing is not None
    assert missing.target == Permission.ACCESS_EDIT
    assert problem_of(Unavailable("down")) is None
