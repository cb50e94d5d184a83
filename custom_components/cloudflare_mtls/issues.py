"""Issues: what a person should know of, and put right."""

from collections.abc import Iterable
from dataclasses import dataclass

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DASHBOARD_URL, DOMAIN
from .edge.errors import Permission
from .edge.plan import Plan
from .texts import Texts


@dataclass(frozen=True, kw_only=True)
class Issue:
    """Something that a person should know of; one that can be fixed names its hostname."""

    id: str
    translation_key: str
    placeholders: dict[str, str]
    hostname: str | None = None


@callback
def async_report(
    hass: HomeAssistant, entry: ConfigEntry, group: str, issues: Iterable[Issue]
) -> None:
    """Open these issues of a group, and close all others of it."""
    prefix = f"{entry.entry_id}_{group}_"
    wanted = {f"{prefix}{issue.id}": issue for issue in issues}
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(prefix) and issue_id not in wanted:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
    for issue_id, issue in wanted.items():
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue_id,
            data={"entry_id": entry.entry_id, "hostname": issue.hostname},
            is_fixable=issue.hostname is not None,
            severity=ir.IssueSeverity.ERROR,
            translation_key=issue.translation_key,
            translation_placeholders=issue.placeholders,
            learn_more_url=DASHBOARD_URL,
        )


@callback
def async_forget(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Close every issue of an account."""
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(f"{entry.entry_id}_"):
            ir.async_delete_issue(hass, DOMAIN, issue_id)


def permission_issues(entry: ConfigEntry, missing: Iterable[Permission]) -> list[Issue]:
    """Return an issue for each permission that the token lacks."""
    return [
        Issue(
            id=permission.name.lower(),
            translation_key="permission_missing",
            placeholders={"account": entry.title, "permission": permission.value},
        )
        for permission in missing
    ]


def hostname_issues(text: Texts, hostname: str, plan: Plan) -> list[Issue]:
    """Return what is wrong with a hostname; what can be mended names it."""
    plan = plan.limited_to({hostname})
    issues = [
        Issue(
            id=f"{problem.code}_{hostname}",
            translation_key=f"problem_{problem.code}",
            placeholders={"target": problem.target, "detail": problem.detail},
        )
        for problem in plan.problems
    ]
    for exposure in plan.exposures:
        key = "exposed" if plan.steps else "exposed_unfixable"
        who = text(f"exposure_{exposure.visitor}")
        issues.append(_hostname_issue(key, hostname, fixable=bool(plan.steps), who=who))
    if plan.steps and not plan.exposures:
        issues.append(_hostname_issue("drift", hostname, fixable=True))
    return issues


def removal_issue(hostname: str) -> Issue:
    """Return that a removed hostname could not be taken down yet."""
    return _hostname_issue("removal_pending", hostname, fixable=False)


def not_enforced_issue(hostname: str) -> Issue:
    """Return that a request got past rules in which nothing is wrong."""
    return _hostname_issue("not_enforced", hostname, fixable=False)


def _hostname_issue(
    key: str, hostname: str, *, fixable: bool, **placeholders: str
) -> Issue:
    return Issue(
        id=f"{key}_{hostname}",
        translation_key=key,
        placeholders={"hostname": hostname, **placeholders},
        hostname=hostname if fixable else None,
    )
