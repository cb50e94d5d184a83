"""Accounts and zones."""

from collections.abc import Iterator
from typing import Any

from sandbox.state import Account, Plan, State, Zone

from ..envelope import Answer, ApiError, Problem, microseconds
from .paging import Paging
from .routing import Call, Routes

routes = Routes()

_PAGING = Paging(default=20, minimum=5, maximum=50)
_PLANS = {
    Plan.FREE: "Free Website",
    Plan.PRO: "Pro Website",
    Plan.BUSINESS: "Business Website",
    Plan.ENTERPRISE: "Enterprise Website",
}


@routes.get("/accounts")
async def list_accounts(call: Call) -> Answer:
    """List the accounts that the token reaches."""
    # GUESS: any permission in an account makes it visible.
    accounts = [
        account
        for account in call.state.accounts.values()
        if call.token.reaches_account(account.id)
        and call.query.get("name") in (None, account.name)
    ]
    return _PAGING.answer(call.query, accounts, _account_json)


@routes.get("/zones")
async def list_zones(call: Call) -> Answer:
    """List the zones that the token reaches; without the permission, none."""
    if call.state.switches.refuses_zone_list and not call.token.allows("zone:read"):
        actor = f"com.cloudflare.api.token.{call.token.id}"
        needed = "com.cloudflare.api.account.zone.list"
        message = f"Actor '{actor}' requires permission '{needed}' to list zones"
        raise ApiError(403, Problem(0, message))
    return _PAGING.answer(
        call.query, _visible(call), lambda zone: zone_json(call.state, zone)
    )


@routes.get("/zones/{zone_id}")
async def get_zone(call: Call) -> Answer:
    """Return one zone."""
    return Answer(zone_json(call.state, call.zone))


def _visible(call: Call) -> Iterator[Zone]:
    if not call.token.allows("zone:read"):
        return
    for zone in call.state.zones.values():
        facts = {
            "name": zone.name,
            "status": zone.status,
            "account.id": zone.account_id,
            "account.name": call.state.accounts[zone.account_id].name,
        }
        if call.token.reaches_zone(zone) and all(
            _matches(value, call.query[key])
            for key, value in facts.items()
            if key in call.query
        ):
            yield zone


def _matches(value: str, wanted: str) -> bool:
    """Compare with the operator before the colon, or for equality if there is none."""
    name, colon, text = wanted.partition(":")
    if not colon:
        return value == wanted
    if name.endswith("_case_sensitive"):
        name = name.removesuffix("_case_sensitive")
    else:
        value, text = value.lower(), text.lower()
    match name:
        case "equal":
            return value == text
        case "not_equal":
            return value != text
        case "starts_with":
            return value.startswith(text)
        case "ends_with":
            return value.endswith(text)
        case "contains":
            return text in value
    # GUESS: the code and text.
    raise ApiError(400, Problem(None, f"unknown operator {name}"))


def _account_json(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "type": "standard",
        "created_on": microseconds(account.created_on),
        "settings": {"enforce_twofactor": False, "abuse_contact_email": None},
    }


def zone_json(state: State, zone: Zone) -> dict[str, Any]:
    """Return a zone as the API writes it."""
    return {
        "id": zone.id,
        "name": zone.name,
        "status": zone.status,
        "paused": zone.paused,
        "type": zone.type,
        "development_mode": 0,
        "name_servers": ["bob.ns.cloudflare.com", "lola.ns.cloudflare.com"],
        "original_name_servers": None,
        "original_registrar": None,
        "original_dnshost": None,
        "modified_on": microseconds(zone.created_on),
        "created_on": microseconds(zone.created_on),
        "activated_on": microseconds(zone.created_on),
        "meta": {
            "step": 2,
            "custom_certificate_quota": 0,
            "page_rule_quota": 3,
            "phishing_detected": False,
        },
        "owner": {"id": None, "type": "user"},
        "account": {
            "id": zone.account_id,
            "name": state.accounts[zone.account_id].name,
        },
        "tenant": {"id": None, "name": None},
        "tenant_unit": {"id": None},
        "permissions": ["#zone:read"],
        "plan": {
            "id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
            "name": _PLANS[zone.plan],
            "price": 0,
            "currency": "USD",
            "frequency": "",
            "is_subscribed": zone.plan is not Plan.FREE,
            "can_subscribe": False,
            "legacy_id": zone.plan,
            "legacy_discount": False,
            "externally_managed": False,
        },
    }
