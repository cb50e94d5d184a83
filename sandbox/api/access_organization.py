"""An account's Zero Trust organization, and the end of a person's sessions."""

from typing import Any

from sandbox.clock import now

from ..envelope import Answer, ApiError, Problem, seconds
from .access_bodies import changing, check_duration, checked, enabled, invalid
from .routing import Call, Kind, Routes

routes = Routes()

_ORGANIZATION = "/accounts/{account_id}/access/organizations"
_DOMAIN = ".cloudflareaccess.com"
_STORED: dict[str, Kind] = {
    "allow_authenticate_via_warp": bool,
    "auto_redirect_to_identity": bool,
    "cache_device_posture": bool,
    "custom_pages": dict,
    "deny_unmatched_requests": bool,
    "deny_unmatched_requests_exempted_zone_names": [str],
    "has_migrated_private_apps": bool,
    "is_ui_read_only": bool,
    "login_design": dict,
    "mfa_config": dict,
    "mfa_piv_key_requirements": dict,
    "mfa_required_for_all_apps": bool,
    "name": str,
    "service_token_inactivity": dict,
    "session_duration": str,
    "strict_service_token_auth": bool,
    "trusted_accounts": [str],
    "ui_read_only_toggle_reason": str,
    "user_seat_expiration_inactive_time": str,
    "warp_auth_session_duration": str,
}
_DURATIONS = (
    "session_duration",
    "user_seat_expiration_inactive_time",
    "warp_auth_session_duration",
)
_REVOCATION: dict[str, Kind] = {
    "email": str,
    "user_uid": str,
    "devices": bool,
    "warp_session_reauth": bool,
}
_IGNORED = frozenset({"created_at", "updated_at"})


@routes.get(_ORGANIZATION)
async def get_organization(call: Call) -> Answer:
    """Return the organization."""
    enabled(call)
    return Answer(_organization_json(call))


@routes.put(_ORGANIZATION)
async def replace_organization(call: Call) -> Answer:
    """Replace the organization's settings; its domain has to be repeated, or becomes another."""
    enabled(call)
    settings = checked(call.body, {**_STORED, "auth_domain": str}, _IGNORED)
    team = settings.pop("auth_domain", "").removesuffix(_DOMAIN)
    if not team or not team.replace("-", "").isalnum() or not team.isascii():
        raise ApiError(400, Problem(11004, "access.api.error.invalid_auth_domain"))
    for key in _DURATIONS:
        check_duration(settings, key)
    access = changing(call)
    access.team = team
    access.organization = settings | {"updated_at": seconds(now())}
    return Answer(_organization_json(call))


@routes.post(f"{_ORGANIZATION}/revoke_user")
async def revoke_user(call: Call) -> Answer:
    """End all sessions of a person."""
    access = enabled(call)
    settings = checked(call.body, _REVOCATION, frozenset())
    if not settings.get("email"):
        # GUESS: the text; and that an unknown address is no error.
        raise invalid("email is required")
    delays = call.state.delays
    access.people.revoke_user(
        settings["email"], delays.access_revocation, delays.access_login
    )
    return Answer(True)


def _organization_json(call: Call) -> dict[str, Any]:
    created = seconds(call.account.created_on)
    return {
        "name": call.account.name,
        "is_ui_read_only": False,
        "auto_redirect_to_identity": False,
        "session_duration": "24h",
        "created_at": created,
        "updated_at": created,
        **call.account.access.organization,
        "auth_domain": call.account.access.auth_domain,
    }
