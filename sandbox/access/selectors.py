"""The selectors of rules: what each looks like, and which of them need a login."""

from collections.abc import Mapping
from ipaddress import ip_network
import re
from typing import Any

_PROVIDER = ("identity_provider_id",)
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "any_valid_service_token": (),
    "auth_context": ("id", "ac_id", *_PROVIDER),
    "auth_method": ("auth_method",),
    "azureAD": ("id", *_PROVIDER),
    "certificate": (),
    "cloudflare_account_member": (),
    "common_name": ("common_name",),
    "device_posture": ("integration_uid",),
    "email": ("email",),
    "email_domain": ("domain",),
    "email_list": ("id",),
    "everyone": (),
    "external_evaluation": ("evaluate_url", "keys_url"),
    "geo": ("country_code",),
    "github-organization": ("name", *_PROVIDER),
    "group": ("id",),
    "gsuite": ("email", *_PROVIDER),
    "ip": ("ip",),
    "ip_list": ("id",),
    "linked_app_token": ("app_uid",),
    "login_method": ("id",),
    "oidc": ("claim_name", "claim_value", *_PROVIDER),
    "okta": ("name", *_PROVIDER),
    "saml": ("attribute_name", "attribute_value", *_PROVIDER),
    "service_token": ("token_id",),
    "user_risk_score": (),
}
_OPTIONAL: Mapping[str, frozenset[str]] = {
    "cloudflare_account_member": frozenset({"account_id"}),
    "github-organization": frozenset({"team"}),
    "user_risk_score": frozenset({"user_risk_score"}),
}
IDENTITY = frozenset(
    {
        "auth_context",
        "auth_method",
        "azureAD",
        "cloudflare_account_member",
        "email",
        "email_domain",
        "email_list",
        "external_evaluation",
        "github-organization",
        "gsuite",
        "login_method",
        "oidc",
        "okta",
        "saml",
        "user_risk_score",
    }
)
"""What is known of a person only after a login."""


def problem(rule: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a rule; None for a good one."""
    # GUESS: the texts, and that country codes have to be in upper case.
    if len(rule) != 1:
        return "a rule must have exactly one selector"
    [(kind, value)] = rule.items()
    if kind not in _FIELDS:
        return f"unknown selector {kind}"
    if not isinstance(value, dict):
        return f"{kind} must be an object"
    needed = set(_FIELDS[kind])
    if needed - value.keys() or value.keys() - needed - _OPTIONAL.get(kind, set()):
        return f"{kind} has missing or unknown fields"
    if any(not isinstance(value[name], str) or not value[name] for name in needed):
        return f"{kind} must have strings"
    if kind == "geo" and not re.fullmatch("[A-Z][A-Z0-9]", value["country_code"]):
        return "invalid country code"
    if kind == "ip" and not _is_network(value["ip"]):
        return "invalid ip"
    return None


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
