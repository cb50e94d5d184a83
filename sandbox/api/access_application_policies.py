"""The policies of an application, of which only its own can be changed here."""

from dataclasses import replace
from typing import Any

from sandbox.state import AccessPolicy

from ..envelope import Answer, ApiError, Problem
from .access_applications import attached_json, find_application
from .access_bodies import changing, enabled, invalid
from .access_policies import new_policy
from .paging import Paging
from .routing import Call, Routes

routes = Routes()

_POLICIES = "/accounts/{account_id}/access/apps/{application_id}/policies"
_POLICY = f"{_POLICIES}/{{own_policy_id}}"
_PAGING = Paging(default=100, minimum=1, maximum=1000)


@routes.get(_POLICIES)
async def list_policies(call: Call) -> Answer:
    """List the policies of an application by precedence."""
    application = find_application(call)
    return _PAGING.answer(
        call.query,
        application.policies,
        lambda each: attached_json(enabled(call), application, each),
    )


@routes.post(_POLICIES)
async def create_policy(call: Call) -> Answer:
    """Create a policy of an application that has no reusable ones."""
    if any(
        each.id in enabled(call).policies for each in find_application(call).policies
    ):
        # GUESS: that this is refused, and the text.
        raise invalid("reusable and inline policies are mutually exclusive")
    policy, number = _read(call, None)
    return _stored(call, policy, number, status=201)


@routes.get(_POLICY)
async def get_policy(call: Call) -> Answer:
    """Return one policy of an application."""
    application = find_application(call)
    return Answer(attached_json(enabled(call), application, _policy(call)))


@routes.put(_POLICY)
async def replace_policy(call: Call) -> Answer:
    """Replace a policy of an application."""
    old = _own_policy(call)
    new, number = _read(call, old)
    return _stored(call, replace(new, id=old.id, created_at=old.created_at), number)


@routes.delete(_POLICY)
async def delete_policy(call: Call) -> Answer:
    """Delete a policy of an application."""
    policy = _own_policy(call)
    changing(call)
    application = find_application(call)
    application.policies = [each for each in application.policies if each is not policy]
    application.precedences.pop(policy.id, None)
    return Answer({"id": policy.id}, status=202)


@routes.put(f"{_POLICY}/make_reusable")
async def make_reusable(call: Call) -> Answer:
    """Make a policy of an application one of the account, which stays attached."""
    policy = _own_policy(call)
    access = changing(call)
    access.policies[policy.id] = policy
    return Answer(attached_json(access, find_application(call), policy))


def _policy(call: Call) -> AccessPolicy:
    wanted = call.ids["own_policy_id"]
    for policy in find_application(call).policies:
        if policy.id == wanted:
            return policy
    raise ApiError(404, Problem(12083, "access.api.error.policy_not_found"))


def _own_policy(call: Call) -> AccessPolicy:
    policy = _policy(call)
    if policy.id in enabled(call).policies:
        raise invalid("can not update reusable policies through this endpoint")
    return policy


def _read(call: Call, old: AccessPolicy | None) -> tuple[AccessPolicy, int]:
    """Return the policy of a body and its precedence, which has to be unique."""
    application = find_application(call)
    body: Any = call.body
    chosen = None
    if isinstance(body, dict):
        chosen = body.get("precedence")
        body = {key: value for key, value in body.items() if key != "precedence"}
    if chosen is not None and (type(chosen) is not int or chosen < 1):
        raise invalid("malformed value of precedence")
    policy = new_policy(enabled(call), body)
    places = {
        each.id: application.precedences.get(each.id, place)
        for place, each in enumerate(application.policies, start=1)
    }
    kept = places.pop(old.id) if old is not None else None
    number = chosen or kept or max(places.values(), default=0) + 1
    if number in places.values():
        raise invalid("policy precedences must be unique")
    return policy, number


def _stored(call: Call, policy: AccessPolicy, number: int, status: int = 200) -> Answer:
    access = changing(call)
    application = find_application(call)
    others = [each for each in application.policies if each.id != policy.id]
    places = {
        each.id: application.precedences.get(each.id, place)
        for place, each in enumerate(application.policies, start=1)
    }
    application.precedences = places | {policy.id: number}
    application.policies = sorted(
        [*others, policy], key=lambda each: application.precedences[each.id]
    )
    return Answer(attached_json(access, application, policy), status=status)
