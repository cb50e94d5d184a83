"""IP Access rules of a zone and of an account."""

from collections.abc import Mapping
from functools import partial
from ipaddress import ip_address, ip_network
import re
from typing import Any

from sandbox.clock import now
from sandbox.ip_access import MODES, rules_for
from sandbox.state import IpAccessRule

from ..envelope import Answer, ApiError, Problem, microseconds
from .paging import Paging
from .routing import Call, Routes, check_kinds

routes = Routes()

_OF_ZONE = "/zones/{zone_id}/firewall/access_rules/rules"
_OF_ACCOUNT = "/accounts/{account_id}/firewall/access_rules/rules"
# GUESS: the bounds; people ask for up to 1000.
_PAGING = Paging(default=20, minimum=1, maximum=1000)


@routes.get(_OF_ZONE)
async def list_rules_for_zone(call: Call) -> Answer:
    """List the rules that apply to the zone: also those of its account and its owner.

    People who want the zone's own ones filter by the scope (cloudflare/cf-terraforming#201).
    """
    found = rules_for(call.state, call.zone)
    return _list(call, {rule.id: (scope, rule) for scope, rule in found})


@routes.post(_OF_ZONE)
async def create_rule_of_zone(call: Call) -> Answer:
    """Create a rule for the zone alone."""
    return _create(call, "zone", call.zone.ip_access_rules)


@routes.patch(f"{_OF_ZONE}/{{access_rule_id}}")
async def edit_rule_of_zone(call: Call) -> Answer:
    """Change a rule's mode or notes."""
    rule = _rule(call, call.zone.ip_access_rules)
    body = call.object(mode=str, notes=str)
    rule.mode = _mode(body.get("mode", rule.mode))
    rule.notes = body.get("notes", rule.notes)
    rule.modified_on = now()
    return Answer(_rule_json(call, "zone", rule))


@routes.delete(f"{_OF_ZONE}/{{access_rule_id}}")
async def delete_rule_of_zone(call: Call) -> Answer:
    """Delete a rule."""
    rule = _rule(call, call.zone.ip_access_rules)
    call.zone.ip_access_rules.remove(rule)
    return Answer({"id": rule.id})


@routes.get(_OF_ACCOUNT)
async def list_rules_of_account(call: Call) -> Answer:
    """List the rules for all zones of the account."""
    rules = call.account.ip_access_rules
    return _list(call, {rule.id: ("organization", rule) for rule in rules})


@routes.post(_OF_ACCOUNT)
async def create_rule_of_account(call: Call) -> Answer:
    """Create a rule for all zones of the account."""
    return _create(call, "organization", call.account.ip_access_rules)


def _list(call: Call, rules: Mapping[str, tuple[str, IpAccessRule]]) -> Answer:
    shown = [
        (scope, rule)
        for scope, rule in rules.values()
        if call.query.get("mode") in (None, rule.mode)
        and call.query.get("configuration.target") in (None, rule.target)
        and call.query.get("configuration.value") in (None, rule.value)
    ]
    as_json = partial(_rule_json, call)
    return _PAGING.answer(call.query, shown, lambda each: as_json(*each))


def _create(call: Call, scope: str, rules: list[IpAccessRule]) -> Answer:
    body = call.object(mode=str, configuration=dict, notes=str)
    configuration = check_kinds(body.get("configuration") or {}, target=str, value=str)
    target, value = configuration.get("target"), configuration.get("value")
    if not _is_valid(target, value):
        # GUESS: the code and text.
        message = "firewallaccessrules.api.invalid_configuration"
        raise ApiError(400, Problem(10004, message))
    if any((each.target, each.value) == (target, value) for each in rules):
        # GUESS: the status.
        message = "firewallaccessrules.api.duplicate_of_existing"
        raise ApiError(400, Problem(10009, message))
    mode = _mode(body.get("mode"))
    rule = IpAccessRule(mode, str(target), str(value), body.get("notes") or "")
    rules.append(rule)
    return Answer(_rule_json(call, scope, rule))


def _is_valid(target: str | None, value: str | None) -> bool:
    try:
        match target:
            case "ip" | "ip6":
                ip_address(value or "")
            case "ip_range":
                ip_network(value or "")
            case "asn":
                return re.fullmatch(r"AS\d{1,10}", value or "") is not None
            case "country":
                return re.fullmatch(r"[A-Z][A-Z0-9]", value or "") is not None
            case _:
                return False
    except ValueError:
        return False
    return True


def _mode(mode: str | None) -> str:
    if mode not in MODES:
        # GUESS: the code and text.
        raise ApiError(400, Problem(10004, "firewallaccessrules.api.invalid_mode"))
    return mode


def _rule(call: Call, rules: list[IpAccessRule]) -> IpAccessRule:
    for rule in rules:
        if rule.id == call.ids["access_rule_id"]:
            return rule
    # GUESS: the status.
    raise ApiError(404, Problem(10001, "firewallaccessrules.api.not_found"))


def _rule_json(call: Call, scope: str, rule: IpAccessRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "paused": False,
        "modified_on": microseconds(rule.modified_on),
        "allowed_modes": list(MODES),
        "mode": rule.mode,
        "notes": rule.notes,
        "configuration": {"target": rule.target, "value": rule.value},
        "scope": _scope_json(call, scope),
        "created_on": microseconds(rule.created_on),
    }


def _scope_json(call: Call, scope: str) -> dict[str, Any]:
    """Return what a rule was made for, as people recorded it."""
    if scope == "zone":
        return {"id": call.zone.id, "name": call.zone.name, "type": scope}
    if scope == "user":
        # GUESS: the id is the user's; the sandbox has no users.
        return {"id": "0" * 32, "email": "me@example.com", "type": scope}
    zone_id = call.ids.get("zone_id")
    account_id = call.state.zones[zone_id].account_id if zone_id else call.account.id
    account = call.state.accounts[account_id]
    return {"id": account.id, "name": account.name, "type": scope}
