"""Which permissions an API token needs, and which it has."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import json
from typing import Any, Final
from urllib.parse import urlencode

from .api.client import CloudflareClient
from .api.errors import EngineError, Permission, PermissionMissing
from .api.models import Setting
from .api.rulesets import Rulesets
from .blocked_requests import BlockedRequestsQuery
from .rules.header_rule import EXAMPLE_RULE

NEEDED: Final = (
    Permission.ZONE_READ,
    Permission.DNS_EDIT,
    Permission.CERTIFICATES_EDIT,
    Permission.RULES_EDIT,
    Permission.TUNNEL_EDIT,
)
# Without one of these, one feature is unavailable.
OPTIONAL: Final = (
    Permission.SETTINGS_EDIT,
    Permission.BOTS_EDIT,
    Permission.ACCESS_EDIT,
    Permission.ACCESS_ORGANIZATION_EDIT,
    Permission.ACCESS_LOGINS_READ,
    Permission.FIREWALL_READ,
    Permission.WORKERS_READ,
    Permission.ANALYTICS_READ,
    Permission.HEADER_RULES_EDIT,
)


# The keys and types of permissions in the dashboard's links. Sources: developers.cloudflare.com,
# API token template URLs; for tunnels, custom rules and bots, which are missing there, links
# that other projects publish; for transform rules, a guess by the same pattern.
_KEYS: Final[Mapping[Permission, tuple[str, str]]] = {
    Permission.ZONE_READ: ("zone", "read"),
    Permission.DNS_EDIT: ("dns", "edit"),
    Permission.CERTIFICATES_EDIT: ("ssl_and_certificates", "edit"),
    Permission.RULES_EDIT: ("zone_waf", "edit"),
    Permission.TUNNEL_EDIT: ("argotunnel", "edit"),
    Permission.SETTINGS_EDIT: ("zone_settings", "edit"),
    Permission.BOTS_EDIT: ("bot_management", "edit"),
    Permission.ACCESS_EDIT: ("access", "edit"),
    Permission.ACCESS_ORGANIZATION_EDIT: ("access_acct", "edit"),
    Permission.ACCESS_LOGINS_READ: ("access_audit_log", "read"),
    Permission.FIREWALL_READ: ("firewall_services", "read"),
    Permission.WORKERS_READ: ("workers_routes", "read"),
    Permission.ANALYTICS_READ: ("analytics", "read"),
    Permission.HEADER_RULES_EDIT: ("zone_transform_rules", "edit"),
}

# Seconds: Cloudflare sometimes refuses a token that was created a moment ago.
SECOND_THOUGHT: Final = 2.0


class Allowance(StrEnum):
    """What can be found out about a permission without writing anything."""

    YES = "yes"
    NO = "no"
    READS = "reads"
    UNCLEAR = "unclear"


def token_url(*optional: Permission) -> str:
    """Return a link that opens the dashboard's token page with the right boxes ticked.

    It ticks the needed permissions, and those optional ones that are given. The page ignores
    keys that it does not know, so a person must be shown the permissions as well.

    Source: developers.cloudflare.com, API token template URLs.
    """
    ticked = [*NEEDED, *(item for item in OPTIONAL if item in optional)]
    template = {
        "permissionGroupKeys": json.dumps(
            [
                {"key": key, "type": kind}
                for key, kind in (_KEYS[permission] for permission in ticked)
            ]
        ),
        "accountId": "*",
        "zoneId": "all",
        "name": "Home Assistant",
    }
    return f"https://dash.cloudflare.com/profile/api-tokens?{urlencode(template)}"


async def find_permissions(
    client: CloudflareClient, account_id: str, zone_id: str
) -> Mapping[Permission, Allowance]:
    """Return what can be found out about each permission, the needed ones first.

    For each, a call is made that needs it; nothing is written. Raises EngineError where the
    call for a needed permission fails for another reason.
    """
    calls: Mapping[Permission, Callable[[], Awaitable[Any]]] = {
        Permission.ZONE_READ: lambda: client.zones.get(zone_id),
        Permission.DNS_EDIT: lambda: client.dns.list(zone_id),
        Permission.CERTIFICATES_EDIT: lambda: client.client_certificates.list(zone_id),
        Permission.RULES_EDIT: lambda: _try_rule(
            client.rulesets, zone_id, {"action": "block"}
        ),
        Permission.TUNNEL_EDIT: lambda: client.tunnels.list(account_id),
        Permission.SETTINGS_EDIT: lambda: client.zone_settings.get(
            zone_id, Setting.WEBSOCKETS
        ),
        Permission.BOTS_EDIT: lambda: client.bot_management.get_fight_mode(zone_id),
        Permission.ACCESS_EDIT: lambda: client.access_applications.list(account_id),
        Permission.ACCESS_ORGANIZATION_EDIT: lambda: client.access_organization.get(
            account_id
        ),
        Permission.ACCESS_LOGINS_READ: lambda: _read_logins(client, account_id),
        Permission.FIREWALL_READ: lambda: client.ip_access_rules.list_allowing(zone_id),
        Permission.WORKERS_READ: lambda: client.worker_routes.list(zone_id),
        Permission.ANALYTICS_READ: lambda: BlockedRequestsQuery(client).find_limits(
            zone_id
        ),
        Permission.HEADER_RULES_EDIT: lambda: _try_rule(
            client.header_rulesets, zone_id, EXAMPLE_RULE
        ),
    }
    reads = {
        item: asyncio.ensure_future(_find(item, call)) for item, call in calls.items()
    }
    # One that fails leaves no other one under way.
    await asyncio.gather(*reads.values(), return_exceptions=True)
    return {item: read.result() for item, read in reads.items()}


async def find_missing_for_logins(
    client: CloudflareClient, account_id: str
) -> tuple[Permission, ...]:
    """Return which permissions are missing for login hostnames; nothing is written."""
    calls: Mapping[Permission, Callable[[], Awaitable[Any]]] = {
        Permission.ACCESS_EDIT: lambda: (
            client.access_applications.expect_edit_permission(account_id)
        ),
        Permission.ACCESS_ORGANIZATION_EDIT: lambda: client.access_organization.get(
            account_id
        ),
    }
    found = await asyncio.gather(*(_find(item, call) for item, call in calls.items()))
    return tuple(
        item
        for item, allowance in zip(calls, found, strict=True)
        if allowance is Allowance.NO
    )


async def _try_rule(rulesets: Rulesets, zone_id: str, rule: Mapping[str, Any]) -> None:
    await rulesets.dry_run(zone_id, await rulesets.get(zone_id), rule)


async def _read_logins(client: CloudflareClient, account_id: str) -> None:
    now = datetime.now(UTC)
    await client.access_logins.list(account_id, now - timedelta(minutes=1), now)


async def _find(
    permission: Permission, call: Callable[[], Awaitable[Any]]
) -> Allowance:
    try:
        answer = await _ask_twice(call)
    except PermissionMissing:
        return Allowance.NO
    except EngineError:
        if permission in NEEDED:
            raise
        return Allowance.UNCLEAR
    match permission:
        case (
            Permission.ZONE_READ
            | Permission.RULES_EDIT
            | Permission.FIREWALL_READ
            | Permission.WORKERS_READ
            | Permission.ANALYTICS_READ
            | Permission.ACCESS_LOGINS_READ
            | Permission.HEADER_RULES_EDIT
        ):
            return Allowance.YES
        case Permission.ACCESS_EDIT:
            # Cloudflare may return no application to a token that may not read them.
            return Allowance.READS if answer else Allowance.UNCLEAR
        case _:
            return Allowance.READS


async def _ask_twice(call: Callable[[], Awaitable[Any]]) -> Any:
    with suppress(PermissionMissing):
        return await call()
    await asyncio.sleep(SECOND_THOUGHT)
    return await call()
