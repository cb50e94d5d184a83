"""What must be at Cloudflare for the settings of a login hostname (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from ..api.access_models import Decision, Organization
from ..api.ingress import IngressRule
from ..api.selectors import (
    CountryIs,
    EmailIs,
    Everyone,
    InGroup,
    Selector,
    SelectorRules,
)
from .marks import TAG, application_name, group_name, policy_name
from .settings import LoginSettings, People, PeopleOfGroup, address_of

# A session of Cloudflare's client counts as a login. It is left out of what is written: off is the default.
WARP_LOGIN: Final = "allow_authenticate_via_warp"


@dataclass(frozen=True, kw_only=True)
class References:
    """Ids that Cloudflare gave what others refer to; None for what is not there yet."""

    one_time_pin: str | None = None
    group: str | None = None
    policy: str | None = None


def needs_group(settings: LoginSettings) -> bool:
    """Return whether the countries need a group: a visitor is never in two at the same time."""
    return len(settings.countries) > 1


def group_rules(settings: LoginSettings) -> SelectorRules:
    """Return the rules of the group of countries."""
    return SelectorRules(include=frozenset(map(CountryIs, settings.countries)))


def group_body(settings: LoginSettings) -> Mapping[str, Any]:
    """Return the group of countries as the API takes it."""
    return {"name": group_name(settings.hostname), **group_rules(settings).body()}


def policy_rules(settings: LoginSettings, references: References) -> SelectorRules:
    """Return who may log in, and from where."""
    return SelectorRules(include=_people(settings), require=_from(settings, references))


def policy_body(settings: LoginSettings, references: References) -> Mapping[str, Any]:
    """Return the policy as the API takes it."""
    return {
        "name": policy_name(settings.hostname),
        "decision": Decision.ALLOW,
        **policy_rules(settings, references).body(),
    }


def allowed_methods(settings: LoginSettings, references: References) -> frozenset[str]:
    """Return the ids of the login methods that are allowed; none means all."""
    pin = references.one_time_pin if settings.one_time_pin else None
    return settings.login_methods | ({pin} if pin else frozenset())


def application_settings(
    settings: LoginSettings, references: References
) -> Mapping[str, Any]:
    """Return the fields of the application that decide how it asks for a login.

    A cookie that is sent only from the same site would loop after the login, and one that is
    bound to a connection breaks clients of Home Assistant. Neither makes Access safer here.

    Source: Cloudflare's docs, Access application cookie settings.
    """
    allowed = allowed_methods(settings, references)
    return {
        "type": "self_hosted",
        "allowed_idps": sorted(allowed),
        "auto_redirect_to_identity": len(allowed) == 1,
        "session_duration": _in_go(settings.session),
        "app_launcher_visible": False,
        "http_only_cookie_attribute": True,
        "same_site_cookie_attribute": "lax",
        "enable_binding_cookie": False,
        "path_cookie_attribute": False,
    }


def application_body(
    settings: LoginSettings, references: References
) -> Mapping[str, Any]:
    """Return a new application with its policy, as the API takes it."""
    return {
        **_at(settings.hostname),
        **application_settings(settings, references),
        "policies": [{"id": references.policy, "precedence": 1}],
    }


def path_application_body(settings: LoginSettings, path: str) -> Mapping[str, Any]:
    """Return a new application that leaves a path open, as the API takes it.

    Its policy lives in it, so that nothing is left once it is deleted.
    """
    return {
        **_at(address_of(settings.hostname, path)),
        "type": "self_hosted",
        "app_launcher_visible": False,
        "policies": [open_to_everybody()],
    }


def open_to_everybody() -> Mapping[str, Any]:
    """Return a policy that lets everybody pass without a login, as the API takes it."""
    rules = SelectorRules(include=frozenset({Everyone()}))
    return {
        "name": "Home Assistant: open to everybody",
        "decision": Decision.BYPASS,
        "precedence": 1,
        **rules.body(),
    }


def demanded_token(organization: Organization, audience: str) -> Mapping[str, Any]:
    """Return what an ingress rule says for cloudflared to demand the token of a login.

    Source: cloudflared 2026.8.2, config.AccessConfig; Cloudflare's docs, origin parameters.
    """
    return {"required": True, "teamName": organization.team, "audTag": [audience]}


def demanded_by(rule: IngressRule) -> object:
    """Return what an ingress rule says of the token of a login, None for nothing."""
    request = rule.raw.get("originRequest")
    return request.get("access") if isinstance(request, Mapping) else None


def _people(settings: LoginSettings) -> frozenset[Selector]:
    match settings.who:
        case People(emails):
            return frozenset(map(EmailIs, emails))
        case PeopleOfGroup(group_id):
            return frozenset({InGroup(group_id)})


def _from(settings: LoginSettings, references: References) -> frozenset[Selector]:
    if not needs_group(settings):
        return frozenset(map(CountryIs, settings.countries))
    return frozenset({InGroup(references.group or "")})


def _at(address: str) -> Mapping[str, Any]:
    return {
        "name": application_name(address),
        "domain": address,
        "destinations": [{"type": "public", "uri": address}],
        "tags": [TAG],
    }


def _in_go(duration: timedelta) -> str:
    """Return a duration as Cloudflare writes it, to the minute."""
    hours, minutes = divmod(int(duration.total_seconds()) // 60, 60)
    return f"{hours}h{minutes}m" if minutes else f"{hours}h"
