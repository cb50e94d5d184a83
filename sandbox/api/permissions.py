"""Which permission every endpoint needs: the one table."""

from collections.abc import Mapping
from typing import NamedTuple

from sandbox.state import State, Token

from .envelope import ApiError, Problem
from .routing import Route


class Needs(NamedTuple):
    """The permissions to read and to change; None needs none."""

    read: str | None
    edit: str | None


_NONE = Needs(None, None)
_ZONE = Needs("zone:read", "zone:edit")
_DNS = Needs("dns:read", "dns:edit")
_SSL = Needs("ssl:read", "ssl:edit")
_WAF = Needs("waf:read", "waf:edit")
_TUNNEL = Needs("tunnel:read", "tunnel:edit")

_TUNNELS = "/accounts/{account_id}/cfd_tunnel"
_RULESETS = "/zones/{zone_id}/rulesets"

PERMISSIONS: Mapping[str, Needs] = {
    "/user/tokens/verify": _NONE,
    "/accounts/{account_id}/tokens/verify": _NONE,
    # These two list what the token may see, perhaps nothing.
    "/accounts": _NONE,
    "/zones": _NONE,
    "/zones/{zone_id}": _ZONE,
    "/zones/{zone_id}/dns_records": _DNS,
    "/zones/{zone_id}/dns_records/{record_id}": _DNS,
    "/zones/{zone_id}/client_certificates": _SSL,
    "/zones/{zone_id}/client_certificates/{certificate_id}": _SSL,
    "/zones/{zone_id}/certificate_authorities/hostname_associations": _SSL,
    _RULESETS: _WAF,
    f"{_RULESETS}/{{ruleset_id}}": _WAF,
    f"{_RULESETS}/{{ruleset_id}}/rules": _WAF,
    f"{_RULESETS}/{{ruleset_id}}/rules/{{rule_id}}": _WAF,
    f"{_RULESETS}/phases/{{phase}}/entrypoint": _WAF,
    _TUNNELS: _TUNNEL,
    f"{_TUNNELS}/{{tunnel_id}}": _TUNNEL,
    f"{_TUNNELS}/{{tunnel_id}}/connections": _TUNNEL,
    f"{_TUNNELS}/{{tunnel_id}}/configurations": _TUNNEL,
    # The connector's secret is for those who may change the tunnel.
    f"{_TUNNELS}/{{tunnel_id}}/token": Needs("tunnel:edit", "tunnel:edit"),
}


def require(state: State, token: Token, route: Route, ids: Mapping[str, str]) -> None:
    """Refuse a token that lacks the permission, or the zone or account."""
    if (zone_id := ids.get("zone_id")) is not None:
        if zone_id not in state.zones:
            raise _no_route(f"/zones/{zone_id}")
        reached = token.reaches_zone(state.zones[zone_id])
    elif (account_id := ids.get("account_id")) is not None:
        if account_id not in state.accounts:
            raise _no_route(f"/accounts/{account_id}")
        reached = token.reaches_account(account_id)
    else:
        reached = True
    needs = PERMISSIONS[route.path]
    permission = needs.read if route.method == "GET" else needs.edit
    if reached and (permission is None or token.allows(permission)):
        return
    if route.path.startswith(_RULESETS):
        raise ApiError(403, Problem(None, "request is not authorized"))
    raise ApiError(403, Problem(10000, "Authentication error"))


def _no_route(path: str) -> ApiError:
    return ApiError(
        404,
        Problem(
            7003,
            f"Could not route to {path}, perhaps your object identifier is invalid?",
        ),
        Problem(7000, "No route for that URI"),
    )
