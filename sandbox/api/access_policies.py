"""Reusable Access policies of an account."""

from datetime import timedelta
from typing import Any

from sandbox.access.selectors import IDENTITY
from sandbox.clock import now
from sandbox.state import Access, AccessPolicy

from ..envelope import Answer, ApiError, Problem, seconds
from .access_bodies import (
    READ_ONLY,
    changing,
    check_duration,
    checked,
    enabled,
    invalid,
    not_found,
)
from .access_rules import KINDS, check_rules
from .paging import Paging
from .routing import Call, Kind, Routes

routes = Routes()

_POLICIES = "/accounts/{account_id}/access/policies"
_POLICY = "/accounts/{account_id}/access/policies/{policy_id}"
_PAGING = Paging(default=100, minimum=1, maximum=1000)
_DECISIONS = ("allow", "deny", "non_identity", "bypass")
_LONGEST_NAME = 350
_OPTIONS: dict[str, Kind] = {
    "approval_groups": [dict],
    "approval_required": bool,
    "connection_rules": dict,
    "isolation_required": bool,
    "mfa_config": dict,
    "purpose_justification_prompt": str,
    "purpose_justification_required": bool,
}
_SETTINGS: dict[str, Kind] = {
    **KINDS,
    **_OPTIONS,
    "name": str,
    "decision": str,
    "session_duration": str,
}
_IGNORED = READ_ONLY | {"reusable", "app_count"}


@routes.get(_POLICIES)
async def list_policies(call: Call) -> Answer:
    """List the reusable policies."""
    access = enabled(call).listed
    return _PAGING.answer(
        call.query, access.policies.values(), lambda each: _with_count(access, each)
    )


@routes.post(_POLICIES)
async def create_policy(call: Call) -> Answer:
    """Create a policy, which applications may only be able to use a little later."""
    policy = new_policy(enabled(call), call.body)
    policy.usable_from += timedelta(seconds=call.state.delays.access_policy)
    access = changing(call)
    access.policies[policy.id] = policy
    return Answer(_with_count(access, policy), status=201)


@routes.get(_POLICY)
async def get_policy(call: Call) -> Answer:
    """Return one policy."""
    return Answer(_with_count(enabled(call), _policy(call)))


@routes.put(_POLICY)
async def replace_policy(call: Call) -> Answer:
    """Replace a policy for every application that uses it."""
    policy = _policy(call)
    new = new_policy(enabled(call), call.body)
    access = changing(call)
    overwrite(policy, new)
    return Answer(_with_count(access, policy))


@routes.delete(_POLICY)
async def delete_policy(call: Call) -> Answer:
    """Delete a policy that no application uses."""
    policy = _policy(call)
    if _application_count(enabled(call), policy):
        # GUESS: the text; no code was seen.
        raise ApiError(409, Problem(None, "policy is used by applications"))
    del changing(call).policies[policy.id]
    return Answer({"id": policy.id}, status=202)


def new_policy(access: Access, body: Any) -> AccessPolicy:
    """Create a policy from a request body, or refuse it."""
    settings = checked(body, _SETTINGS, _IGNORED)
    decision, name = settings.get("decision"), settings.get("name")
    # GUESS: the texts, but for that of the decision.
    if decision not in _DECISIONS:
        raise invalid("unrecognized policy decision")
    if not name or len(name) > _LONGEST_NAME:
        raise invalid(f"name is required and has at most {_LONGEST_NAME} characters")
    check_rules(access, settings)
    if decision == "bypass":
        _check_bypass(settings)
    check_duration(settings)
    return AccessPolicy(
        name=name,
        decision=decision,
        include=settings["include"],
        require=settings.get("require") or [],
        exclude=settings.get("exclude") or [],
        session_duration=settings.get("session_duration"),
        options={key: settings[key] for key in settings.keys() & _OPTIONS},
    )


def overwrite(policy: AccessPolicy, new: AccessPolicy) -> None:
    """Give a policy the settings of another one; its id and creation time stay."""
    policy.name, policy.decision = new.name, new.decision
    policy.include, policy.require, policy.exclude = (
        new.include,
        new.require,
        new.exclude,
    )
    policy.session_duration, policy.options = new.session_duration, new.options
    policy.updated_at = now()


def policy_json(policy: AccessPolicy) -> dict[str, Any]:
    """Return a policy as the API writes it."""
    body = {
        **policy.options,
        "id": policy.id,
        "uid": policy.id,
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


def _policy(call: Call) -> AccessPolicy:
    policy = enabled(call).policies.get(call.ids["policy_id"])
    if policy is None:
        raise not_found()
    return policy


def _check_bypass(settings: dict[str, Any]) -> None:
    # GUESS: the text.
    kinds = {
        kind for rules in KINDS for rule in settings.get(rules, ()) for kind in rule
    }
    if kinds & (IDENTITY | {"ip_list"}):
        raise invalid("bypass policies cannot use this selector")


def _with_count(access: Access, policy: AccessPolicy) -> dict[str, Any]:
    return policy_json(policy) | {
        "reusable": True,
        "app_count": _application_count(access, policy),
    }


def _application_count(access: Access, policy: AccessPolicy) -> int:
    return sum(
        policy.id in (each.id for each in application.policies)
        for application in access.applications.values()
    )
