"""What a step changes of what was found; everything else goes back as it came (pure)."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from ..api.access_applications import policy_references
from ..api.access_models import AccessApplication
from ..api.ingress import IngressRule, TunnelConfiguration
from ..api.names import in_dns
from .coverage import host_of
from .desired import WARP_LOGIN, References, application_settings, policy_body
from .drift import Drift
from .marks import TAG
from .settings import LoginSettings

_POLICY_KEYS: Final[Mapping[Drift, tuple[str, ...]]] = {
    Drift.POLICY_OPENED: ("decision", "include", "exclude", "require"),
    Drift.POLICY_SESSION: ("session_duration",),
    Drift.PEOPLE: ("include", "exclude"),
    Drift.COUNTRIES: ("require",),
}
_LOGIN_METHOD_KEYS: Final = frozenset({"allowed_idps", "auto_redirect_to_identity"})


def policy_changes(
    fixes: frozenset[Drift], settings: LoginSettings, references: References
) -> Mapping[str, Any]:
    """Return the fields of our policy that fix it."""
    # Without one of its own, the application's session holds.
    desired = {**policy_body(settings, references), "session_duration": ""}
    keys = {key for drift in fixes for key in _POLICY_KEYS[drift]}
    return {key: desired[key] for key in keys}


def application_changes(
    found: AccessApplication,
    fixes: frozenset[Drift],
    removed: Collection[str],
    settings: LoginSettings,
    references: References,
) -> Mapping[str, Any]:
    """Return the fields of an application that fix it; removed are the ids of policies of others."""
    desired = application_settings(settings, references)
    changes: dict[str, Any] = {}
    if Drift.APPLICATION_SETTINGS in fixes:
        changes |= {
            key: value
            for key, value in desired.items()
            if key not in _LOGIN_METHOD_KEYS
        }
        # Cloudflare refuses the field where the organization knows no such sessions.
        if found.raw.get(WARP_LOGIN):
            changes[WARP_LOGIN] = False
    if fixes & {Drift.LOGIN_METHODS, Drift.APPLICATION_SETTINGS} and (
        Drift.LOGIN_METHODS in fixes
        or found.allowed_login_methods == frozenset(desired["allowed_idps"])
    ):
        changes |= {key: desired[key] for key in _LOGIN_METHOD_KEYS}
    if Drift.TAG in fixes:
        changes["tags"] = sorted({*found.tags, TAG})
    destinations = found.raw.get("destinations") or ()
    if Drift.PATH_EXCEPTED in fixes:
        changes["destinations"] = [
            _without_exceptions(each, settings.hostname) for each in destinations
        ]
    if Drift.ADDRESS in fixes:
        changes["destinations"] = [
            *changes.get("destinations", destinations),
            {"type": "public", "uri": settings.hostname},
        ]
    if fixes & {Drift.POLICY_GONE, Drift.OPEN_POLICY, Drift.OTHER_POLICY}:
        changes["policies"] = _policies(found, removed, references)
    return changes


def _without_exceptions(
    destination: Mapping[str, Any], hostname: str
) -> Mapping[str, Any]:
    """Return a destination as it is, but for exceptions at our hostname."""
    if host_of(in_dns(destination.get("uri") or "")) != hostname:
        return destination
    return {key: value for key, value in destination.items() if key != "overrides"}


def without_tag(found: AccessApplication) -> Mapping[str, Any]:
    """Return the fields of an application that release it."""
    return {"tags": sorted(found.tags - {TAG})}


def _policies(
    found: AccessApplication, removed: Collection[str], references: References
) -> list[Mapping[str, Any]]:
    """Return an application's policies, ours first, and of others only those that may stay."""
    pairs = zip(found.policies, policy_references(found), strict=True)
    others = [
        reference
        for policy, reference in pairs
        if policy.id not in {references.policy, *removed}
    ]
    references_in_order = [{"id": references.policy}, *others]
    return [
        {**each, "precedence": place}
        for place, each in enumerate(references_in_order, start=1)
    ]


def demanding(
    configuration: TunnelConfiguration,
    hostname: str,
    demanded: Mapping[str, Any] | None,
) -> Mapping[str, Any]:
    """Return a whole configuration in which a hostname's rule demands a token, or none."""
    own = configuration.rule_for(hostname)
    rules = [
        _demanding(rule, demanded) if rule is own else dict(rule.raw)
        for rule in configuration.ingress
    ]
    return {**configuration.raw, "ingress": rules}


def _demanding(
    rule: IngressRule, demanded: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    request = rule.raw.get("originRequest")
    kept = {
        key: value
        for key, value in (request.items() if isinstance(request, Mapping) else ())
        if key != "access"
    }
    request = {**kept, "access": demanded} if demanded else kept
    without = {key: value for key, value in rule.raw.items() if key != "originRequest"}
    return {**without, "originRequest": request} if request else without
