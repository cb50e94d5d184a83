"""What may be sent for a self-hosted application, and what Cloudflare refuses."""

from collections.abc import Mapping
import re
from typing import Any

from sandbox.access.coverage import uris
from sandbox.state import Access, AccessApplication

from ..envelope import ApiError, Problem
from .access_bodies import (
    READ_ONLY,
    check_duration,
    checked,
    conflict,
    enabled,
    invalid,
)
from .routing import Call, Kind

_TYPES = frozenset(
    {
        "app_launcher",
        "biso",
        "bookmark",
        "dash_sso",
        "infrastructure",
        "mcp",
        "mcp_portal",
        "proxy_endpoint",
        "rdp",
        "saas",
        "self_hosted",
        "ssh",
        "vnc",
        "warp",
    }
)
_DESTINATION_TYPES = frozenset(
    {
        "all_preview_workers",
        "all_workers",
        "preview_worker",
        "private",
        "via_mcp_server_portal",
        "worker",
    }
)
_OPTIONS: dict[str, Kind] = {
    "allow_authenticate_via_warp": bool,
    "allow_iframe": bool,
    "allowed_idps": [str],
    "app_launcher_visible": bool,
    "auto_redirect_to_identity": bool,
    "cors_headers": dict,
    "custom_deny_message": str,
    "custom_deny_url": str,
    "custom_non_identity_deny_url": str,
    "custom_pages": [str],
    "eager_redirect_cookie_setting": bool,
    "enable_binding_cookie": bool,
    "http_only_cookie_attribute": bool,
    "logo_url": str,
    "mfa_config": dict,
    "oauth_configuration": dict,
    "options_preflight_bypass": bool,
    "path_cookie_attribute": bool,
    "read_service_tokens_from_header": str,
    "same_site_cookie_attribute": str,
    "scim_config": dict,
    "self_hosted_domains": [str],
    "service_auth_401_redirect": bool,
    "session_duration": str,
    "skip_interstitial": bool,
    "tags": [str],
    "use_clientless_isolation_app_launcher_url": bool,
}
# Taken for every type of application, and stored for other types only.
_OTHER_TYPES: dict[str, Kind] = {
    "app_launcher_logo_url": str,
    "bg_color": str,
    "footer_links": [dict],
    "header_bg_color": str,
    "landing_page_design": dict,
    "private_address": str,
}
_SETTINGS: dict[str, Kind] = {
    **_OPTIONS,
    **_OTHER_TYPES,
    "type": str,
    "name": str,
    "domain": str,
    "destinations": [dict],
    "policies": list,
}
_DESTINATION: dict[str, Kind] = {"type": str, "uri": str, "overrides": [dict]}
_OVERRIDE: dict[str, Kind] = {"behavior": str, "path_pattern": str}
_CORS: dict[str, Kind] = {
    "allow_all_headers": bool,
    "allow_all_methods": bool,
    "allow_all_origins": bool,
    "allow_credentials": bool,
    "allowed_headers": [str],
    "allowed_methods": [str],
    "allowed_origins": [str],
    "max_age": int,
}
_SAME_SITE = ("", "none", "lax", "strict")
_MOST_DESTINATIONS = 5
_LONGEST_URI = 63
_LABEL = r"(?:[a-z0-9_-]*\*?[a-z0-9_-]*)"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PATH = re.compile(r"(?:/[^/*?#]*\*?[^/*?#]*)*")
_UNKNOWN_TAG = (
    "tags contain a tag that does not exist, tags must be created before assigning to "
    "an application"
)


def settings_of(call: Call) -> dict[str, Any]:
    """Return the settings that a body has; the type is looked at before anything else."""
    kind = call.body.get("type") if isinstance(call.body, dict) else None
    if not isinstance(kind, str) or kind not in _TYPES:
        raise invalid("app type is missing or invalid")
    if kind != "self_hosted":
        message = "the sandbox only creates self-hosted applications"
        raise ApiError(501, Problem(None, message))
    return checked(call.body, _SETTINGS, READ_ONLY | {"aud"})


def destinations(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the addresses of an application: destinations count more than the older settings."""
    found = settings.get("destinations") or [
        {"type": "public", "uri": uri}
        for uri in settings.get("self_hosted_domains") or [settings.get("domain") or ""]
    ]
    for each in found:
        kind = each.get("type")
        if isinstance(kind, str) and kind in _DESTINATION_TYPES:
            message = "the sandbox only has public destinations"
            raise ApiError(501, Problem(None, message))
        checked(each, _DESTINATION, frozenset())
        for override in each.get("overrides") or ():
            checked(override, _OVERRIDE, frozenset())
            if override.get("behavior") != "public" or not override.get("path_pattern"):
                raise invalid("malformed override")
        if kind not in (None, "public") or not each.get("uri"):
            raise invalid("malformed destination")
    # GUESS: the text.
    if len(found) > _MOST_DESTINATIONS:
        raise invalid(f"a maximum of {_MOST_DESTINATIONS} domains is allowed")
    if "domain" in settings and settings["domain"] not in [e["uri"] for e in found]:
        raise invalid("domain not included in destinations")
    return found


def check_uris(
    call: Call,
    settings: Mapping[str, Any],
    addresses: list[dict[str, Any]],
    old: AccessApplication | None,
) -> None:
    """Refuse addresses of another form, of other people's zones, and taken ones."""
    taken = {
        _plain(uri)
        for other in enabled(call).applications.values()
        if other is not old
        for uri in uris(other)
    }
    for uri in (each["uri"] for each in addresses):
        host, slash, path = uri.lower().partition("/")
        # GUESS: the texts.
        if not _HOST.fullmatch(host) or not _PATH.fullmatch(slash + path):
            raise invalid("malformed domain")
        if len(uri) > _LONGEST_URI:
            raise invalid(f"domain must be a maximum of {_LONGEST_URI} characters")
        if not any(
            zone.contains(host)
            for zone in call.state.zones.values()
            if zone.account_id == call.account.id
        ):
            raise invalid("domain does not belong to zone")
    if _plain(settings.get("domain") or "") in taken:
        message = "access.api.error.application_already_exists"
        raise ApiError(409, Problem(11010, message))
    if any(_plain(each["uri"]) in taken for each in addresses):
        raise conflict("destination belongs to another application")


def options(
    access: Access, settings: dict[str, Any], addresses: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what is stored as it was sent; refuse what does not fit together."""
    chosen = {key: settings[key] for key in settings.keys() & _OPTIONS}
    check_duration(chosen)
    if any(tag not in access.tags for tag in chosen.get("tags", ())):
        raise invalid(_UNKNOWN_TAG)
    oauth = chosen.get("oauth_configuration", {"enabled": False})
    if oauth.get("enabled", True) and any("/" in each["uri"] for each in addresses):
        raise invalid("domain can not have a path if oauth is configured")
    # GUESS: the texts below.
    if chosen.get("same_site_cookie_attribute", "") not in _SAME_SITE:
        raise invalid("malformed value of same_site_cookie_attribute")
    cors = checked(chosen.get("cors_headers", {}), _CORS, frozenset())
    if cors and chosen.get("options_preflight_bypass"):
        raise invalid("options_preflight_bypass cannot be set with cors_headers")
    if cors.get("allow_all_origins") and cors.get("allow_credentials"):
        raise invalid("allow_credentials cannot be set with all origins allowed")
    if (
        chosen.get("allow_authenticate_via_warp")
        and "warp_auth_session_duration" not in access.organization
    ):
        raise invalid(
            "allow_authenticate_via_warp cannot be set without a session duration"
        )
    return chosen


def _plain(uri: str) -> str:
    return uri.lower().rstrip("/")
