"""What an API token must be allowed, and what it is."""

import asyncio
from collections.abc import Awaitable, Mapping
import json
from typing import Any, Final
from urllib.parse import urlencode

from .client import EdgeClient
from .errors import Permission, PermissionMissing

NEEDED: Final = (
    Permission.ZONE_READ,
    Permission.DNS_EDIT,
    Permission.CERTIFICATES_EDIT,
    Permission.RULES_EDIT,
    Permission.TUNNEL_EDIT,
)

# Opens the dashboard's token page with the right boxes ticked; it leaves out keys that it
# does not know, so the dialog names the permissions too.
# Source: developers.cloudflare.com, API token template URLs.
_TEMPLATE: Final = {
    "permissionGroupKeys": json.dumps(
        [
            {"key": "zone", "type": "read"},
            {"key": "dns", "type": "edit"},
            {"key": "ssl_and_certificates", "type": "edit"},
            {"key": "waf", "type": "edit"},
            {"key": "argotunnel", "type": "edit"},
        ]
    ),
    "accountId": "*",
    "zoneId": "all",
    "name": "Home Assistant",
}
TOKEN_URL: Final = (
    f"https://dash.cloudflare.com/profile/api-tokens?{urlencode(_TEMPLATE)}"
)


async def find_permissions(
    client: EdgeClient, account_id: str, zone_id: str
) -> Mapping[Permission, bool | None]:
    """Return which permissions the token has; None where only writing would tell.

    Each is found by a call that needs it; nothing is written. Raises EdgeError where a call
    fails for another reason.
    """
    asked = {
        Permission.ZONE_READ: client.zone(zone_id),
        Permission.DNS_READ: client.dns_records(zone_id),
        Permission.CERTIFICATES_READ: client.client_certificates(zone_id),
        Permission.RULES_EDIT: _try_rules(client, zone_id),
        Permission.TUNNEL_READ: client.tunnels(account_id),
    }
    answers = await asyncio.gather(*(_is_allowed(call) for call in asked.values()))
    found: dict[Permission, bool | None] = dict(zip(asked, answers, strict=True))
    # Who may not even read may not write.
    for reading, writing in (
        (Permission.DNS_READ, Permission.DNS_EDIT),
        (Permission.CERTIFICATES_READ, Permission.CERTIFICATES_EDIT),
        (Permission.TUNNEL_READ, Permission.TUNNEL_EDIT),
    ):
        found[writing] = None if found.pop(reading) else False
    return {permission: found[permission] for permission in NEEDED}


async def _try_rules(client: EdgeClient, zone_id: str) -> None:
    ruleset = await client.ruleset(zone_id)
    await client.may_edit_rules(zone_id, ruleset.id)


async def _is_allowed(call: Awaitable[Any]) -> bool:
    try:
        await call
    except PermissionMissing:
        return False
    return True
