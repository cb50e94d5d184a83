"""Self-hosted Access applications of an account."""

from collections.abc import Iterable
from typing import Any

from sandbox.access import uris
from sandbox.clock import now
from sandbox.state import AccessApplication, AccessPolicy

from ..envelope import Answer, ApiError, BareError, Problem, seconds
from .access_policies import enabled, find_policy, new_policy, policy_json
from .paging import Paging
from .routing import Call, Routes, check_kinds

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
    applications = [
        application
        for application in enabled(call).applications.values()
        if call.query.get("name") in (None, application.name)
        and call.query.get("domain") in (None, *uris(application))
    ]
    return _PAGING.answer(call.query, applications, application_json)


@routes.post(_APPLICATIONS)
async def create_application(call: Call) -> Answer:
    """Create an application."""
    application = _new_application(call, None)
    enabled(call).applications[application.id] = application
    return Answer(application_json(application), status=201)


@routes.get(_APPLICATION)
async def get_application(call: Call) -> Answer:
    """Return one application."""
    return Answer(application_json(_application(call)))


@routes.put(_APPLICATION)
async def replace_application(call: Call) -> Answer:
    """Replace an application; its ids and creation time stay."""
    old = _application(call)
    new = _new_application(call, old)
    new.id, new.aud, new.created_at = old.id, old.aud, old.created_at
    enabled(call).applications[old.id] = new
    return Answer(application_json(new))


@routes.delete(_APPLICATION)
async def delete_application(call: Call) -> Answer:
    """Delete an application; its reusable policies stay."""
    application = _application(call)
    del enabled(call).applications[application.id]
    # GUESS: the status; other sources say 202.
    return Answer({"id": application.id})


def application_json(application: AccessApplication) -> dict[str, Any]:
    """Return an application as the API writes it."""
    return {
        **_DEFAULTS,
        **application.options,
        "id": application.id,
        "uid": application.id,
        "aud": application.aud,
        "type": "self_hosted",
        "name": application.name,
        "domain": uris(application)[0],
        "destinations": application.destinations,
        "policies": [
            policy_json(policy) | {"precedence": number}
            for number, policy in enumerate(application.policies, start=1)
        ],
        "created_at": seconds(application.created_at),
        "updated_at": seconds(application.updated_at),
    }


def _application(call: Call) -> AccessApplication:
    application = enabled(call).applications.get(call.ids["application_id"])
    if application is None:
        raise ApiError(404, Problem(11021, "access.api.error.unknown_application"))
    return application


def _new_application(call: Call, old: AccessApplication | None) -> AccessApplication:
    body = call.object(name=str, destinations=[dict], policies=list)
    if body.get("type") != "self_hosted":
        message = "the sandbox only has self-hosted applications"
        raise ApiError(501, Problem(None, message))
    destinations = body.get("destinations") or [
        {"type": "public", "uri": body.get("domain")}
    ]
    others = [each for each in enabled(call).applications.values() if each is not old]
    for destination in destinations:
        check_kinds(destination, type=str, uri=str)
        _check_uri(call, destination.get("uri"), others)
    return AccessApplication(
        name=body.get("name") or str(destinations[0]["uri"]),
        destinations=destinations,
        policies=_policies(call, body.get("policies") or []),
        options={key: body[key] for key in body.keys() - _OWN},
        updated_at=now(),
    )


# Keys of the body that are not stored in `options`, because the answer has its own.
_OWN = {
    "id", "uid", "aud", "type", "name", "domain", "destinations", "policies",
    "self_hosted_domains", "created_at", "updated_at",
}  # fmt: skip


def _check_uri(call: Call, uri: Any, others: Iterable[AccessApplication]) -> None:
    # GUESS: the codes, and most of the texts.
    host = str(uri).partition("/")[0]
    if not any(
        zone.contains(host.lower())
        for zone in call.state.zones.values()
        if zone.account_id == call.account.id
    ):
        raise ApiError(400, Problem(12130, f"domain does not belong to zone: {uri}"))
    if any(uri in uris(other) for other in others):
        message = "destination belongs to another application"
        raise ApiError(409, Problem(11010, message))


def _policies(call: Call, sent: list[Any]) -> list[AccessPolicy]:
    """Resolve policies: ids, objects with an id and a precedence, or inline policies."""
    inline = [each for each in sent if isinstance(each, dict) and "id" not in each]
    if inline and len(inline) < len(sent):
        # GUESS: the code and text.
        message = "reusable and inline policies cannot be mixed"
        raise ApiError(400, Problem(None, message))
    if inline:
        return [new_policy(each) for each in _by_precedence(inline)]
    references = [each if isinstance(each, dict) else {"id": each} for each in sent]
    return [
        find_policy(call, check_kinds(each, id=str)["id"])
        for each in _by_precedence(references)
    ]


def _by_precedence(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last = len(policies)
    return sorted(
        policies,
        key=lambda policy: (
            check_kinds(policy, precedence=int).get("precedence") or last
        ),
    )
