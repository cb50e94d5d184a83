"""Tests of policies: whom of the known users they would let in."""

from typing import Any

from sandbox.access.evaluation import Facts, Identity, deciding_policy
from sandbox.state import Access, AccessPolicy, AccessUser, PolicyTest

from ..envelope import Answer
from .access_bodies import checked, enabled, invalid, not_found
from .access_policies import new_policy
from .routing import Call, Routes

routes = Routes()

_TESTS = "/accounts/{account_id}/access/policy-tests"
_TEST = f"{_TESTS}/{{test_id}}"
_STATUSES = {"success": "approved", "fail": "blocked", "error": "error"}


@routes.post(_TESTS)
async def create_policy_test(call: Call) -> Answer:
    """Test policies against the users who logged in before."""
    access = enabled(call)
    sent = checked(call.body, {"policies": list}, frozenset()).get("policies")
    if not sent:
        # GUESS: the text.
        raise invalid("policies are required")
    policies = [_policy(access, each) for each in sent]
    test = PolicyTest(
        {
            user.id: _result(access, policies, user)
            for user in access.people.users.values()
        }
    )
    access.people.policy_tests[test.id] = test
    return Answer({"id": test.id, "status": "success"})


@routes.get(_TEST)
async def get_policy_test(call: Call) -> Answer:
    """Return how many users the policies would let in."""
    test = _test(call)
    results = list(test.results.values())
    approved = results.count("approved")
    total = len(results)
    percent = 100 * approved // total if total else 0
    return Answer(
        {
            "id": test.id,
            "status": "complete",
            "total_users": total,
            "users_approved": approved,
            "users_blocked": total - approved,
            "users_errored": 0,
            "percent_approved": percent,
            "percent_blocked": 100 - percent if total else 0,
            "percent_errored": 0,
            "percent_users_processed": 100,
        }
    )


@routes.get(f"{_TEST}/users")
async def list_tested_users(call: Call) -> Answer:
    """List the users of a test, with what the policies would do."""
    wanted = _STATUSES.get(call.query.get("status", ""))
    users = enabled(call).people.users
    return Answer(
        [
            {
                "id": user_id,
                "email": users[user_id].email,
                "name": users[user_id].name,
                "status": result,
            }
            for user_id, result in _test(call).results.items()
            if wanted in (None, result)
        ]
    )


def _test(call: Call) -> PolicyTest:
    test = enabled(call).people.policy_tests.get(call.ids["test_id"])
    if test is None:
        raise not_found()
    return test


def _policy(access: Access, sent: Any) -> AccessPolicy:
    if not isinstance(sent, str):
        return new_policy(access, sent)
    if sent not in access.policies:
        raise not_found()
    return access.policies[sent]


def _result(access: Access, policies: list[AccessPolicy], user: AccessUser) -> str:
    # GUESS: country and login method are those of the last login.
    last = next(
        (
            each
            for each in reversed(access.people.sessions.values())
            if each.user_id == user.id
        ),
        None,
    )
    facts = Facts(
        country=last.country if last else "",
        ip=None,
        groups=access.groups,
        identity=Identity(user.email, last.provider_id if last else ""),
    )
    policy = deciding_policy(policies, facts)
    allowed = policy is not None and policy.decision == "allow"
    return "approved" if allowed else "blocked"
