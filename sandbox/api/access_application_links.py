"""The policies that a body gives an application: ids of reusable ones, or policies of its own."""

from dataclasses import replace
from typing import Any, NamedTuple

from sandbox.clock import now
from sandbox.state import Access, AccessApplication, AccessPolicy

from ..envelope import ApiError, Problem
from .access_bodies import enabled, invalid
from .access_policies import new_policy
from .routing import Call


class Attached(NamedTuple):
    """A policy with its number within an application."""

    policy: AccessPolicy
    precedence: int


def resolved_policies(
    call: Call, sent: list[Any], old: AccessApplication | None
) -> list[Attached]:
    """Return the policies by precedence; refuse unknown ones, and two kinds at once."""
    access = enabled(call)
    links = [_link(each) for each in sent]
    own = {each.id for each in old.policies} - access.policies.keys() if old else set()
    inline = [each for each in links if "id" not in each or each["id"] in own]
    if inline and len(inline) < len(links):
        # GUESS: the text.
        raise invalid("reusable and inline policies are mutually exclusive")
    numbers = _numbers(links)
    if inline:
        policies = [_own_policy(access, each, old) for each in links]
    else:
        found = [_reusable(access, each) for each in links]
        policies = [each for each in found if each is not None]
        if len(policies) < len(found):
            if old is None or not call.state.switches.drops_unknown_policies:
                missing = next(
                    link["id"]
                    for link, each in zip(links, found, strict=True)
                    if each is None
                )
                # GUESS: the code.
                raise ApiError(400, Problem(12130, f"policy {missing} not found"))
            return []
    attached = map(Attached, policies, numbers, strict=True)
    return sorted(attached, key=lambda each: each.precedence)


def _link(sent: Any) -> dict[str, Any]:
    if isinstance(sent, str):
        return {"id": sent}
    # GUESS: the text.
    if not isinstance(sent, dict):
        raise invalid("malformed policy")
    link = {key: value for key, value in sent.items() if value is not None}
    if (
        type(link.get("id", "")) is not str
        or type(link.get("precedence", 1)) is not int
    ):
        raise invalid("malformed policy")
    return link


def _numbers(links: list[dict[str, Any]]) -> list[int]:
    """Return the precedence of each policy: its own, or its place."""
    numbers = [
        each.get("precedence") or place for place, each in enumerate(links, start=1)
    ]
    if len({*numbers}) < len(numbers):
        raise invalid("policy precedences must be unique")
    return numbers


def _reusable(access: Access, link: dict[str, Any]) -> AccessPolicy | None:
    """Return a reusable policy; None for one that is not there, or not everywhere yet."""
    if link["id"] in access.groups:
        raise ApiError(500, Problem(None, "Internal Server Error"))
    if link.keys() - {"id", "precedence"}:
        # This is what a policy that was read meets when it is sent back as it is.
        raise invalid("unrecognized policy decision")
    policy = access.policies.get(link["id"])
    return policy if policy is not None and policy.usable_from <= now() else None


def _own_policy(
    access: Access, link: dict[str, Any], old: AccessApplication | None
) -> AccessPolicy:
    """Return a policy of the application alone: the one that it has by this id, or a new one."""
    body = {key: value for key, value in link.items() if key != "precedence"}
    new = new_policy(access, body)
    if "id" not in link or old is None:
        return new
    [kept] = [each for each in old.policies if each.id == link["id"]]
    return replace(new, id=kept.id, created_at=kept.created_at)
