"""The permission that each endpoint needs, in one table."""

from collections.abc import Mapping
from typing import NamedTuple

from sandbox.state import ORIGIN_PHASE, REDIRECT_PHASE, TRANSFORM_PHASE, State, Token

from ..envelope import ApiError, BareError, Problem
from .routing import Route


class Needs(NamedTuple):
    """The permissions to read and to edit; None if no permission is needed."""

    read: str | None
    edit: str | None


_NONE = Needs(None, None)
_ZONE = Needs("zone:read", "zone:edit")
_DNS = Needs("dns:read", "dns:edit")
_SSL = Needs("ssl:read", "ssl:edit")
_WAF = Needs("waf:read", "waf:edit")
_TUNNEL = Needs("tunnel:read", "tunnel:edit")
_ACCESS = Needs("access_apps:read", "access_apps:edit")
_ORGANIZATION = Needs("access_organization:read", "access_organization:edit")
_LOGINS = Needs("access_logs:read", "access_logs:edit")
_BOTS = Needs("bots:read", "bots:edit")
_SETTINGS = Needs("settings:read", "settings:edit")
_FIREWALL = Needs("firewall:read", "firewall:edit")
_WORKERS = Needs("workers:read", "workers:edit")
# The rules of these phases are no custom rules, and have a permission of their own.
_PHASES = {
    REDIRECT_PHASE: Needs("redirects:read", "redirects:edit"),
    ORIGIN_PHASE: Needs("origin_rules:read", "origin_rules:edit"),
    TRANSFORM_PHASE: Needs("transform:read", "transform:edit"),
}

_TUNNELS = "/accounts/{account_id}/cfd_tunnel"
_RULESETS = "/zones/{zone_id}/rulesets"
_ZERO_TRUST = "/accounts/{account_id}/access"
_APPLICATIONS = f"{_ZERO_TRUST}/apps"
_APPLICATION = f"{_APPLICATIONS}/{{application_id}}"
_POLICIES = f"{_ZERO_TRUST}/policies"
_GROUPS = f"{_ZERO_TRUST}/groups"
_PROVIDERS = f"{_ZERO_TRUST}/identity_providers"
_TAGS = f"{_ZERO_TRUST}/tags"
_USERS = f"{_ZERO_TRUST}/users"
_POLICY_TESTS = f"{_ZERO_TRUST}/policy-tests"
# GUESS: policies and tags answer like applications and login methods.
_EMPTY_WITHOUT_PERMISSION = (_APPLICATIONS, _POLICIES, _PROVIDERS, _TAGS)
_ZONE_SETTINGS = "/zones/{zone_id}/settings"
_ACCESS_RULES = "/zones/{zone_id}/firewall/access_rules/rules"
_WORKER_ROUTES = "/zones/{zone_id}/workers/routes"
_PACKS = "/zones/{zone_id}/ssl/certificate_packs"

PERMISSIONS: Mapping[str, Needs] = {
    "/user/tokens/verify": _NONE,
    "/accounts/{account_id}/tokens/verify": _NONE,
    # These two list only what the token may see, which can be nothing.
    "/accounts": _NONE,
    "/zones": _NONE,
    "/zones/{zone_id}": _ZONE,
    "/zones/{zone_id}/dns_records": _DNS,
    "/zones/{zone_id}/dns_records/{record_id}": _DNS,
    _PACKS: _SSL,
    "/zones/{zone_id}/client_certificates": _SSL,
    "/zones/{zone_id}/client_certificates/{certificate_id}": _SSL,
    "/zones/{zone_id}/certificate_authorities/hostname_associations": _SSL,
    _RULESETS: _WAF,
    f"{_RULESETS}/{{ruleset_id}}": _WAF,
    f"{_RULESETS}/{{ruleset_id}}/versions": _WAF,
    f"{_RULESETS}/{{ruleset_id}}/versions/{{version}}": _WAF,
    f"{_RULESETS}/{{ruleset_id}}/rules": _WAF,
    f"{_RULESETS}/{{ruleset_id}}/rules/{{rule_id}}": _WAF,
    f"{_RULESETS}/phases/{{phase}}/entrypoint": _WAF,
    _TUNNELS: _TUNNEL,
    f"{_TUNNELS}/{{tunnel_id}}": _TUNNEL,
    f"{_TUNNELS}/{{tunnel_id}}/connections": _TUNNEL,
    f"{_TUNNELS}/{{tunnel_id}}/connectors/{{connector_id}}": _TUNNEL,
    f"{_TUNNELS}/{{tunnel_id}}/configurations": _TUNNEL,
    # Reading the connector's secret needs the permission to edit the tunnel.
    f"{_TUNNELS}/{{tunnel_id}}/token": Needs("tunnel:edit", "tunnel:edit"),
    _APPLICATIONS: _ACCESS,
    _APPLICATION: _ACCESS,
    f"{_APPLICATION}/revoke_tokens": Needs("access_apps:read", "access_apps:revoke"),
    f"{_APPLICATION}/policies": _ACCESS,
    f"{_APPLICATION}/policies/{{own_policy_id}}": _ACCESS,
    f"{_APPLICATION}/policies/{{own_policy_id}}/make_reusable": _ACCESS,
    _POLICIES: _ACCESS,
    f"{_POLICIES}/{{policy_id}}": _ACCESS,
    _TAGS: _ACCESS,
    f"{_TAGS}/{{tag_name}}": _ACCESS,
    _POLICY_TESTS: _ACCESS,
    f"{_POLICY_TESTS}/{{test_id}}": _ACCESS,
    f"{_POLICY_TESTS}/{{test_id}}/users": _ACCESS,
    _GROUPS: _ORGANIZATION,
    f"{_GROUPS}/{{group_id}}": _ORGANIZATION,
    _PROVIDERS: _ORGANIZATION,
    f"{_PROVIDERS}/{{provider_id}}": _ORGANIZATION,
    f"{_ZERO_TRUST}/organizations": _ORGANIZATION,
    f"{_ZERO_TRUST}/organizations/revoke_user": Needs(
        "access_organization:read", "access_organization:revoke"
    ),
    # GUESS: which permission people and seats need.
    _USERS: _ORGANIZATION,
    f"{_USERS}/{{user_id}}": _ORGANIZATION,
    f"{_USERS}/{{user_id}}/active_sessions": _ORGANIZATION,
    f"{_USERS}/{{user_id}}/active_sessions/{{nonce}}": _ORGANIZATION,
    f"{_ZERO_TRUST}/seats": _ORGANIZATION,
    f"{_ZERO_TRUST}/logs/access_requests": _LOGINS,
    "/zones/{zone_id}/bot_management": _BOTS,
    _ZONE_SETTINGS: _SETTINGS,
    f"{_ZONE_SETTINGS}/{{setting_id}}": _SETTINGS,
    _ACCESS_RULES: _FIREWALL,
    f"{_ACCESS_RULES}/{{access_rule_id}}": _FIREWALL,
    "/accounts/{account_id}/firewall/access_rules/rules": Needs(
        "account_firewall:read", "account_firewall:edit"
    ),
    _WORKER_ROUTES: _WORKERS,
    f"{_WORKER_ROUTES}/{{route_id}}": _WORKERS,
    # The endpoint checks the permission for each zone of a query.
    "/graphql": _NONE,
    # Removed: every request is refused.
    "/zones/{zone_id}/firewall/rules": _NONE,
    "/zones/{zone_id}/filters": _NONE,
    "/zones/{zone_id}/rate_limits": _NONE,
}


def require(
    state: State, token: Token, route: Route, ids: Mapping[str, str], body: object
) -> None:
    """Refuse a token that lacks the permission, or the zone or account."""
    if (zone_id := ids.get("zone_id")) is not None:
        if zone_id not in state.zones:
            raise _no_route(f"/zones/{zone_id}")
        reached = token.reaches_zone(state.zones[zone_id])
    elif (account_id := ids.get("account_id")) is not None:
        if account_id not in state.accounts:
            # GUESS: every write is refused in the same way; only one to a tunnel was recorded.
            if route.method != "GET":
                raise wrong_method(route.method, route.path)
            raise _no_route(f"/accounts/{account_id}")
        reached = token.reaches_account(account_id)
    else:
        reached = True
    needs = _needs(state, route, ids, body)
    permission = needs.read if route.method == "GET" else needs.edit
    if reached and (permission is None or token.allows(permission)):
        return
    raise _refusal(route)


def _needs(state: State, route: Route, ids: Mapping[str, str], body: object) -> Needs:
    """Return what a call needs; for rulesets, that depends on their phase.

    GUESS: that is so for a ruleset that does not exist yet, too.
    """
    zone = state.zones.get(ids.get("zone_id", ""))
    ruleset = zone.rulesets.get(ids.get("ruleset_id", "")) if zone else None
    phase = ids.get("phase") or (ruleset.phase if ruleset else "")
    if route.path == _RULESETS and isinstance(body, dict):
        phase = str(body.get("phase"))
    return _PHASES.get(phase, PERMISSIONS[route.path])


def _refusal(route: Route) -> ApiError:
    if route.path.startswith(_RULESETS):
        return ApiError(403, Problem(None, "request is not authorized"))
    if route.path.startswith((_ZONE_SETTINGS, _PACKS)):
        return ApiError(403, Problem(9109, "Unauthorized to access requested resource"))
    if route.method == "GET" and route.path in _EMPTY_WITHOUT_PERMISSION:
        return BareError(200, {"success": True, "errors": [], "result": []})
    if route.path in (_APPLICATIONS, _APPLICATION):
        # GUESS: single applications too; only the creation of one was recorded.
        return BareError(403, {"code": 1010, "error": "auth.forbidden"})
    return ApiError(403, Problem(10000, "Authentication error"))


def _no_route(path: str) -> ApiError:
    return ApiError(
        404,
        Problem(
            7003,
            f"Could not route to {path}, perhaps your object identifier is invalid?",
        ),
        Problem(7000, "No route for that URI"),
    )


def wrong_method(method: str, path: str) -> ApiError:
    """Return the refusal of a method that a path does not allow, or of an unknown account."""
    if "/access/" in path:
        message = "Method not allowed for this authentication scheme"
        return ApiError(405, Problem(10405, message))
    message = f"{method} method not allowed for the api_token authentication scheme"
    return ApiError(405, Problem(10000, message))
