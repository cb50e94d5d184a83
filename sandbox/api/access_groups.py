"""Groups of Access: rules that policies refer to."""

from typing import Any

from sandbox.clock import now
from sandbox.state import Access, AccessGroup

from ..envelope import Answer, seconds
from .access_bodies import changing, checked, conflict, enabled, invalid
from .access_rules import KINDS, check_rules, unknown_group
from .paging import Paging
from .routing import Call, Kind, Routes

routes = Routes()

_GROUPS = "/accounts/{account_id}/access/groups"
_GROUP = f"{_GROUPS}/{{group_id}}"
_PAGING = Paging(default=1000, minimum=1, maximum=1000)
_SETTINGS: dict[str, Kind] = {**KINDS, "name": str, "is_default": bool}


@routes.get(_GROUPS)
async def list_groups(call: Call) -> Answer:
    """List the groups that match the query."""
    name, part = call.query.get("name"), call.query.get("search", "")
    groups = [
        group
        for group in enabled(call).listed.groups.values()
        if name in (None, group.name) and part.lower() in group.name.lower()
    ]
    return _PAGING.answer(call.query, groups, _group_json)


@routes.post(_GROUPS)
async def create_group(call: Call) -> Answer:
    """Create a group."""
    group = _new_group(call)
    changing(call).groups[group.id] = group
    return Answer(_group_json(group), status=201)


@routes.get(_GROUP)
async def get_group(call: Call) -> Answer:
    """Return one group."""
    return Answer(_group_json(_group(call)))


@routes.put(_GROUP)
async def replace_group(call: Call) -> Answer:
    """Replace a group for every policy that refers to it."""
    group, new = _group(call), _new_group(call)
    changing(call)
    group.name, group.updated_at = new.name, now()
    group.include, group.require, group.exclude = new.include, new.require, new.exclude
    return Answer(_group_json(group))


@routes.delete(_GROUP)
async def delete_group(call: Call) -> Answer:
    """Delete a group to which no policy refers."""
    group = _group(call)
    if _is_used(enabled(call), group):
        # GUESS: that this is refused, and how.
        raise conflict("group is used by a policy")
    del changing(call).groups[group.id]
    return Answer({"id": group.id}, status=202)


def _group(call: Call) -> AccessGroup:
    group = enabled(call).groups.get(call.ids["group_id"])
    if group is None:
        raise unknown_group()
    return group


def _new_group(call: Call) -> AccessGroup:
    settings = checked(call.body, _SETTINGS)
    if not settings.get("name"):
        # GUESS: the text.
        raise invalid("name is required")
    check_rules(enabled(call), settings)
    return AccessGroup(
        name=settings["name"],
        include=settings["include"],
        require=settings.get("require") or [],
        exclude=settings.get("exclude") or [],
    )


def _is_used(access: Access, group: AccessGroup) -> bool:
    reference = {"group": {"id": group.id}}
    own = (each for app in access.applications.values() for each in app.policies)
    policies = (*access.policies.values(), *own)
    used: list[list[dict[str, Any]]] = [
        rules
        for user in policies
        for rules in (user.include, user.require, user.exclude)
    ]
    for other in access.groups.values():
        used += (other.include, other.require, other.exclude)
    return any(reference in rules for rules in used)


def _group_json(group: AccessGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "uid": group.id,
        "name": group.name,
        "include": group.include,
        "require": group.require,
        "exclude": group.exclude,
        "created_at": seconds(group.created_at),
        "updated_at": seconds(group.updated_at),
    }
