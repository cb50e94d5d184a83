"""Builders of what is observed of Access, for the tests that need no server."""

from typing import Any

from custom_components.cloudflare_mtls.engine.access.desired import (
    References,
    application_body,
    group_body,
    path_application_body,
    policy_body,
)
from custom_components.cloudflare_mtls.engine.access.marks import TAG
from custom_components.cloudflare_mtls.engine.access.observation import (
    AccessObservation,
    OwnIds,
    OwnObjects,
    find_own,
)
from custom_components.cloudflare_mtls.engine.access.plan import (
    LoginPlan,
    Occasion,
    make_login_plan,
)
from custom_components.cloudflare_mtls.engine.access.settings import LoginSettings
from custom_components.cloudflare_mtls.engine.api.access_models import (
    AccessApplication,
    AccessGroup,
    AccessPolicy,
    LoginMethod,
    Organization,
)
from custom_components.cloudflare_mtls.engine.api.json_fields import Fields
from tests.engine.access.helpers import HOME, MOBILE

PIN = LoginMethod(id="pin", type="onetimepin", name="PIN")
GOOGLE = LoginMethod(id="google", type="google", name="Google")
TEAM = Organization(auth_domain="our-team.cloudflareaccess.com")
AUDIENCE = 64 * "a"


def policy(**fields: Any) -> AccessPolicy:
    """Return an observed policy, by default one that nobody passes."""
    body = {
        "id": "policy",
        "name": "Policy",
        "decision": "allow",
        "include": [],
        "reusable": True,
        "app_count": 0,
    }
    return AccessPolicy.parse(Fields({**body, **fields}))


def group(**fields: Any) -> AccessGroup:
    """Return an observed group."""
    return AccessGroup.parse(Fields({"id": "group", "name": "Group", **fields}))


def application(*uris: str, **fields: Any) -> AccessApplication:
    """Return an observed application."""
    body = {
        "id": f"id-of-{'-'.join(uris)}",
        "name": "Somebody's",
        "type": "self_hosted",
        "aud": 64 * "f",
        "destinations": [{"type": "public", "uri": uri} for uri in uris],
        "policies": [],
    }
    return AccessApplication.parse(Fields({**body, **fields}))


def observed(*applications: AccessApplication, **more: Any) -> AccessObservation:
    """Return an observation with these applications and a code by e-mail."""
    contents: dict[str, Any] = {
        "organization": TEAM,
        "login_methods": (PIN,),
        "tags": frozenset({TAG}) if applications else frozenset(),
        **more,
    }
    return AccessObservation(applications=applications, **contents)


def in_sync(
    settings: LoginSettings,
    *others: AccessApplication,
    of_policy: dict[str, Any] | None = None,
    of_group: dict[str, Any] | None = None,
    **of_application: Any,
) -> AccessObservation:
    """Return what is observed of settings that were applied, with these fields changed since."""
    references = References(one_time_pin=PIN.id, group="group", policy="policy")
    own_policy = policy(
        **{**policy_body(settings, references), "app_count": 1, **(of_policy or {})}
    )
    own = application(
        HOME,
        **{
            **application_body(settings, references),
            "aud": AUDIENCE,
            "policies": [own_policy.raw],
            **of_application,
        },
    )
    paths = [
        application(
            uri,
            **{**body, "policies": [{"id": f"open-{uri}", **body["policies"][0]}]},
        )
        for path in sorted(settings.open_paths)
        for body in [dict(path_application_body(settings, path))]
        for uri in [str(body["domain"])]
    ]
    groups = (
        (group(**{**group_body(settings), **(of_group or {})}),)
        if len(settings.countries) > 1
        else ()
    )
    return observed(own, *paths, *others, policies=(own_policy,), groups=groups)


def own_of(
    observation: AccessObservation,
    settings: LoginSettings,
    stored: OwnIds | None = None,
) -> OwnObjects:
    """Return what is ours in an observation."""
    return find_own(observation, settings, stored or OwnIds())


def plan(
    observation: AccessObservation,
    settings: LoginSettings,
    occasion: Occasion = Occasion.KEEP,
    stored: OwnIds | None = None,
) -> LoginPlan:
    """Return the plan for an observation."""
    own = own_of(observation, settings, stored)
    return make_login_plan(observation, own, settings, occasion, [MOBILE])
