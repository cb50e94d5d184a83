"""The rules of policies and groups: include, require and exclude."""

from typing import Any

from sandbox.access import selectors
from sandbox.state import Access

from ..envelope import ApiError, Problem
from .access_bodies import invalid
from .routing import Kind

KINDS: dict[str, Kind] = {"include": [dict], "require": [dict], "exclude": [dict]}
_MOST = 1000


def check_rules(access: Access, settings: dict[str, Any]) -> None:
    """Refuse rules that no selector can be, and those of groups that are not there."""
    # GUESS: the text for rules without an include.
    if not settings.get("include"):
        raise invalid("include must not be empty")
    rules = [rule for kind in KINDS for rule in settings.get(kind, ())]
    if len(rules) > _MOST:
        raise invalid(f"a maximum of {_MOST} rules is allowed")
    for rule in rules:
        if (what := selectors.problem(rule)) is not None:
            raise invalid(what)
        if "group" in rule and rule["group"]["id"] not in access.groups:
            raise unknown_group()


def unknown_group() -> ApiError:
    """Return the refusal of an unknown group."""
    return ApiError(404, Problem(11020, "access.api.error.failed_to_load_group"))
