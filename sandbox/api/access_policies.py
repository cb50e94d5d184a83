"""Reusable Access policies of an account."""

from typing import Any

from sandbox.clock import now
from sandbox.state import Access, AccessPolicy

from ..envelope import Answer, ApiError, Problem, seconds
from .paging import Paging
from .routing import Call, Routes, check_kinds

routes = Routes()

_POLICIES = "/accounts/{account_id}/access/policies"
_POLICY = "/accounts/{account_id}/access/policies/{policy_id}"
_PAGING = Paging(default=1000, minimum=1, maximum=1000)
_DECISIONS = ("allow", "deny", "non_identity", "bypass")


@routes.get(_POLICIES)
async def list_policies(call: Call) -> Answer:
    """List the reusable policies."""
    policies = enabled(call).policies.values()
    return _PAGING.answer(call.query, policies, lambda each: _with_count(call, each))


@routes.post(_POLICIES)
async def create_policy(call: Call) -> Answer:
    """Create a policy."""
    policy = new_policy(call.object())
    enabled(call).policies[policy.id] = policy
    return Answer(_with_count(call, policy), status=201)


@routes.get(_POLICY)
async def get_policy(call: Call) -> Answer:
    """Return one policy."""
    return Answer(_with_count(call, find_policy(call, call.ids["policy_id"])))


@routes.put(_POLICY)
async def replace_policy(call: Call) -> Answer:
    """Replace a policy for every application that uses it."""
    policy = find_policy(call, call.ids["policy_id"])
    new = new_policy(call.object())
    for key in ("name", "decision", "include", "require", "exclude"):
        setattr(policy, key, getattr(new, key))
    policy.session_duration, policy.updated_at = new.session_duration, now()
    return Answer(_with_count(call, policy))


@routes.delete(_POLICY)
async def delete_policy(call: Call) -> Answer:
    """Delete a policy that no application uses."""
    policy = find_policy(call, call.ids["policy_id"])
    if _application_count(call, policy):
        # GUESS: that Cloudflare refuses this, and how.
        raise ApiError(409, Problem(None, "policy is used by applications"))
    del enabled(call).policies[policy.id]
    return Answer({"id": policy.id})


def enabled(call: Call) -> Access:
    """Return the account's Zero Trust; refuse if it was never set up."""
    if call.account.access.team is None:
        message = "access.api.error.not_enabled: Access is not enabled"
        # GUESS: the status.
        raise ApiError(404, Problem(9999, message))
    return call.account.access


def find_policy(call: Call, policy_id: str) -> AccessPolicy:
    """Return a reusable policy."""
    policy = enabled(call).policies.get(policy_id)
    if policy is None:
        # GUESS: the code and text.
        raise ApiError(404, Problem(11021, "access.api.error.unknown_policy"))
    return policy


def new_policy(body: dict[str, Any]) -> AccessPolicy:
    """Create a policy from a request body, or refuse it."""
    check_kinds(
        body,
        name=str,
        decision=str,
        include=[dict],
        require=[dict],
        exclude=[dict],
        session_duration=str,
    )
    if body.get("decision") not in _DECISIONS or not body.get("include"):
        # GUESS: the code and text.
        message = "access.api.error.invalid_request: decision and include are required"
        raise ApiError(400, Problem(12130, message))
    return AccessPolicy(
        name=body.get("name") or "",
        decision=body["decision"],
        include=body["include"],
        require=body.get("require") or [],
        exclude=body.get("exclude") or [],
        session_duration=body.get("session_duration"),
    )


def policy_json(policy: AccessPolicy) -> dict[str, Any]:
    """Return a policy as the API writes it."""
    body = {
        "id": policy.id,
        "name": policy.name,
        "decision": policy.decision,
        "include": policy.include,
        "require": policy.require,
        "exclude": policy.exclude,
        "created_at": seconds(policy.created_at),
        "updated_at": seconds(policy.updated_at),
    }
    if policy.session_duration is not None:
        body["session_duration"] = policy.session_duration
    return body


def _with_count(call: Call, policy: AccessPolicy) -> dict[str, Any]:
    return policy_json(policy) | {
        "reusable": True,
        "app_count": _application_count(call, policy),
    }


def _application_count(call: Call, policy: AccessPolicy) -> int:
    applications = enabled(call).applications.values()
    return sum(policy in application.policies for application in applications)
