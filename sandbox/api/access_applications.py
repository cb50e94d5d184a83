"""Applications of Access of an account; only self-hosted ones can be written."""

from typing import Any

from sandbox.access.coverage import uris
from sandbox.clock import now
from sandbox.state import Access, AccessApplication, AccessPolicy

from ..envelope import Answer, ApiError, BareError, Problem, seconds
from .access_application_body import check_uris, destinations, options, settings_of
from .access_application_links import resolved_policies
from .access_bodies import changing, enabled
from .access_policies import policy_json
from .paging import Paging
from .routing import Call, Routes

routes = Routes()

_APPLICATIONS = "/accounts/{account_id}/access/apps"
_APPLICATION = "/accounts/{account_id}/access/apps/{application_id}"
_PAGING = Paging(default=1000, minimum=1, maximum=1000)
_SIZES = frozenset({1, 5, 10, 20, 25, 50, 100, 1000})
_DEFAULTS = {
    "allowed_idps": [],
    "app_launcher_visible": True,
    "auto_redirect_to_identity": False,
    "enable_binding_cookie": False,
    "http_only_cookie_attribute": True,
    "options_preflight_bypass": False,
    "session_duration": "24h",
    "tags": [],
}


@routes.get(_APPLICATIONS)
async def list_applications(call: Call) -> Answer:
    """List the applications that match the query."""
    size = call.query.get("per_page", str(_PAGING.default))
    if not size.isdecimal() or int(size) not in _SIZES:
        message = "access.api.error.invalid_url_parameter_value"
        raise BareError(400, {"code": 12091, "message": message})
    access = enabled(call).listed
    applications = [
        application
        for application in access.applications.values()
        if call.query.get("name") in (None, application.name)
        and call.query.get("domain") in (None, *uris(application))
        and call.query.get("aud") in (None, application.aud)
    ]
    return _PAGING.answer(
        call.query, applications, lambda each: application_json(access, each)
    )


@routes.post(_APPLICATIONS)
async def create_application(call: Call) -> Answer:
    """Create an application."""
    application = _new_application(call, None)
    access = changing(call)
    access.applications[application.id] = application
    return Answer(application_json(access, application), status=201)


@routes.get(_APPLICATION)
async def get_application(call: Call) -> Answer:
    """Return one application."""
    return Answer(application_json(enabled(call), find_application(call)))


@routes.put(_APPLICATION)
async def replace_application(call: Call) -> Answer:
    """Replace an application; its ids and creation time stay."""
    old = find_application(call)
    new = _new_application(call, old)
    new.id, new.aud, new.created_at = old.id, old.aud, old.created_at
    access = changing(call)
    access.applications[old.id] = new
    return Answer(application_json(access, new))


@routes.delete(_APPLICATION)
async def delete_application(call: Call) -> Answer:
    """Delete an application; its reusable policies stay."""
    application = find_application(call)
    del changing(call).applications[application.id]
    return Answer({"id": application.id}, status=202)


@routes.post(f"{_APPLICATION}/revoke_tokens")
async def revoke_tokens(call: Call) -> Answer:
    """End all sessions of an application."""
    application = find_application(call)
    delay = call.state.delays.access_revocation
    enabled(call).people.revoke_application(application.id, delay)
    # GUESS: the result.
    return Answer({}, status=202)


def application_json(access: Access, application: AccessApplication) -> dict[str, Any]:
    """Return an application as the API writes it."""
    addresses = uris(application)
    return {
        **_DEFAULTS,
        **application.options,
        "id": application.id,
        "uid": application.id,
        "aud": application.aud,
        "type": application.type,
        "name": application.name,
        # The launcher of an account's applications has no address of its own.
        "domain": addresses[0] if addresses else access.auth_domain,
        "destinations": application.destinations,
        "policies": [
            attached_json(access, application, policy)
            for policy in application.policies
        ],
        "created_at": seconds(application.created_at),
        "updated_at": seconds(application.updated_at),
    }


def attached_json(
    access: Access, application: AccessApplication, policy: AccessPolicy
) -> dict[str, Any]:
    """Return a policy as the API writes it for an application that uses it."""
    number = application.policies.index(policy) + 1
    body = policy_json(policy) | {
        "precedence": application.precedences.get(policy.id, number)
    }
    return body | {"reusable": True} if policy.id in access.policies else body


def find_application(call: Call) -> AccessApplication:
    """Return the application that a path names."""
    application = enabled(call).applications.get(call.ids["application_id"])
    if application is None:
        raise ApiError(404, Problem(11021, "access.api.error.unknown_application"))
    return application


def _new_application(call: Call, old: AccessApplication | None) -> AccessApplication:
    access = enabled(call)
    settings = settings_of(call)
    addresses = destinations(settings)
    check_uris(call, settings, addresses, old)
    chosen = options(access, settings, addresses)
    policies = resolved_policies(call, settings.get("policies") or [], old)
    return AccessApplication(
        name=settings.get("name") or str(addresses[0]["uri"]),
        destinations=addresses,
        policies=[each.policy for each in policies],
        precedences={each.policy.id: each.precedence for each in policies},
        options=chosen,
        updated_at=now(),
    )
