"""The permissions of the API token, in docs/reference.md."""

from collections.abc import Iterator, Mapping
from typing import Final

from custom_components.cloudflare_mtls.engine.api.errors import Permission
from custom_components.cloudflare_mtls.engine.permissions import NEEDED, OPTIONAL

from .texts import row, table

_PURPOSES: Final[Mapping[Permission, str]] = {
    Permission.ZONE_READ: "find your domains",
    Permission.DNS_EDIT: "the DNS record of the hostname",
    Permission.CERTIFICATES_EDIT: "certificates, and which hostnames ask for one",
    Permission.RULES_EDIT: "the custom rules",
    Permission.TUNNEL_EDIT: "the state of the tunnel, and its hostnames",
    Permission.SETTINGS_EDIT: "the [checks](#checks) of your domain's settings, and to fix them from the repair",
    Permission.BOTS_EDIT: "the check of Bot Fight Mode, and to turn it off from the repair",
    Permission.ACCESS_EDIT: "the check for logins by Cloudflare Access; to require a login before a hostname, and end sessions there",
    Permission.ACCESS_ORGANIZATION_EDIT: (
        "the login methods and groups that a login needs; one-time PIN, several countries, and ending the sessions of one person"
    ),
    Permission.ACCESS_LOGINS_READ: "who logged in, and who was refused",
    Permission.FIREWALL_READ: "the check for IP Access rules that let visitors past every custom rule",
    Permission.WORKERS_READ: "the check for Workers in your domain",
    Permission.ANALYTICS_READ: "[blocked requests](#blocked-requests)",
    Permission.HEADER_RULES_EDIT: "a transform rule by which Cloudflare tells Home Assistant which certificate a device uses",
}
_WITHOUT: Final[Mapping[Permission, str]] = {
    Permission.SETTINGS_EDIT: (
        "*Read* finds them, and you change them at Cloudflare. Without both, you are not told of them"
    ),
    Permission.BOTS_EDIT: "the same as above",
    Permission.ACCESS_EDIT: (
        "*Read* is enough for the check. Without both, you are not told of logins, and set Access up at Cloudflare yourself"
    ),
    Permission.ACCESS_ORGANIZATION_EDIT: (
        "with *Read*, one-time PIN, several countries and ending the sessions of one person are off. Without both, set Access up "
        "at Cloudflare yourself"
    ),
    Permission.ACCESS_LOGINS_READ: "you are not told of logins",
    Permission.FIREWALL_READ: "nobody knows whether there is such a rule",
    Permission.WORKERS_READ: "you are not told of them",
    Permission.ANALYTICS_READ: (
        "the action is refused; the sensor, if you enabled it, is unknown, and a repair names the permission"
    ),
    Permission.HEADER_RULES_EDIT: "nobody knows which device connects, and all else works",
}


def needed_permissions() -> Iterator[str]:
    """Yield what the API token must have."""
    yield from table("permission", "what for")
    for permission in NEEDED:
        yield row(permission, _PURPOSES[permission])


def optional_permissions() -> Iterator[str]:
    """Yield what the API token may have."""
    yield from table("optional permission", "what for", "without it")
    for permission in OPTIONAL:
        yield row(permission, _PURPOSES[permission], _WITHOUT[permission])
