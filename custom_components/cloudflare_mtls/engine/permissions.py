"""What an API token must be allowed, and what it is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import StrEnum
import json
from typing import Any, Final
from urllib.parse import urlencode

from .api.client import CloudflareClient
from .api.errors import EngineError, Permission, PermissionMissing
from .api.models import Setting
from .blocked_requests import BlockedRequestsQuery

NEEDED: Final = (
    Permission.ZONE_READ,
    Permission.DNS_EDIT,
    Permission.CERTIFICATES_EDIT,
    Permission.RULES_EDIT,
    Permission.TUNNEL_EDIT,
)
# Without one of these, one feature is off.
OPTIONAL: Final = (
    Permission.SETTINGS_EDIT,
    Permission.BOTS_EDIT,
    Permission.ACCESS_READ,
    Permission.ANALYTICS_READ,
)

# What the dashboard calls them in links. Sources: developers.cloudflare.com, API token
# template URLs; tunnels, custom rules and bots are missing there, and are in links that
# other projects publish.
_KEYS: Final[Mapping[Permission, tuple[str, str]]] = {
    Permission.ZONE_READ: ("zone", "read"),
    Permission.DNS_EDIT: ("dns", "edit"),
    Permission.CERTIFICATES_EDIT: ("ssl_and_certificates", "edit"),
    Permission.RULES_EDIT: ("zone_waf", "edit"),
    Permission.TUNNEL_EDIT: ("argotunnel", "edit"),
    Permission.SETTINGS_EDIT: ("zone_settings", "edit"),
    Permission.BOTS_EDIT: ("bot_management", "edit"),
    Permission.ACCESS_READ: ("access", "read"),
    Permission.ANALYTICS_READ: ("analytics", "read"),
}

# A token that was created a moment ago is refused now and then.
SECOND_THOUGHT: Final = 2.0


class Allowance(StrEnum):
    """What can be told of a permission without writing anything."""

    YES = "yes"
    NO = "no"
    READS = "reads"
    UNCLEAR = "unclear"


def token_url(*optional: Permission) -> str:
    """Return a link that opens the dashboard's token page with the right boxes ticked.

    Those for the needed permissions are, and those for the optional ones that are named.
    The page leaves out keys that it does not know, so people are told the permissions too.

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
    """Return what can be told of each permission, the needed ones first.

    Each is found by a call that needs it; nothing is written. Raises EngineError where a call
    for a needed one fails for another reason.
    """
    calls: Mapping[Permission, Callable[[], Awaitable[Any]]] = {
        Permission.ZONE_READ: lambda: client.zones.get(zone_id),
        Permission.DNS_EDIT: lambda: client.dns.list(zone_id),
        Permission.CERTIFICATES_EDIT: lambda: client.client_certificates.list(zone_id),
        Permission.RULES_EDIT: lambda: _try_rules(client, zone_id),
        Permission.TUNNEL_EDIT: lambda: client.tunnels.list(account_id),
        Permission.SETTINGS_EDIT: lambda: client.zone_settings.get(
            zone_id, Setting.WEBSOCKETS
        ),
        Permission.BOTS_EDIT: lambda: client.bot_management.get_fight_mode(zone_id),
        Permission.ACCESS_READ: lambda: client.access_applications.list(account_id),
        Permission.ANALYTICS_READ: lambda: BlockedRequestsQuery(client).find_limits(
            zone_id
        ),
    }
    found = await asyncio.gather(*(_find(item, calls[item]) for item in calls))
    return dict(zip(calls, found, strict=True))


async def _try_rules(client: CloudflareClient, zone_id: str) -> None:
    ruleset = await client.rulesets.get(zone_id)
    await client.rulesets.dry_run(zone_id, ruleset, {"action": "block"})


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
        case Permission.ZONE_READ | Permission.RULES_EDIT | Permission.ANALYTICS_READ:
            return Allowance.YES
        case Permission.ACCESS_READ:
            # Who may not read them is told that there are none, at times.
            return Allowance.YES if answer else Allowance.UNCLEAR
        case _:
            return Allowance.READS


async def _ask_twice(call: Callable[[], Awaitable[Any]]) -> Any:
    with suppress(PermissionMissing):
        return await call()
    await asyncio.sleep(SECOND_THOUGHT)
    return await call()
