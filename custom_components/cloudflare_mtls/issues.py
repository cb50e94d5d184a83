"""Issues: what a person should know of, and put right."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .const import DASHBOARD_URL, DOMAIN
from .engine.api.errors import Permission
from .engine.api.models import Tunnel
from .engine.certificates.companions import Certificate, CompanionState, HandoverState
from .engine.certificates.lifecycle import URGENT_DAYS, Standing
from .engine.checks.fixes import FIXABLE
from .engine.checks.zone import Check, Finding
from .engine.permissions import token_url
from .engine.sync.plan import Plan, Problem
from .wording import Texts, describe_problem, quoted

_MAX_LISTED = 10
_NETWORK_URL = "homeassistant://config/network"

# What stops some devices, or none where something else is as it should be.
_HARMLESS_AT_TIMES = frozenset(
    {
        Check.HTTP3_ON,
        Check.ORIGIN_CERTIFICATE,
        Check.ORIGIN_PORT,
        Check.RULE_MAY_BLOCK,
        Check.TLS_1_3_ONLY,
        Check.ZERO_RTT_ON,
    }
)


class Fix(StrEnum):
    """Which dialog fixes an issue."""

    FIX_HOSTNAME = "fix_hostname"
    RENEW_CERTIFICATE = "renew_certificate"
    ACCEPT_CERTIFICATES = "accept_certificates"
    FIX_FINDING = "fix_finding"


@dataclass(frozen=True, kw_only=True)
class Issue:
    """Something that a person should know of; one that can be fixed says what about."""

    id: str
    translation_key: str
    placeholders: dict[str, str]
    fix: tuple[Fix, str] | None = None
    severity: ir.IssueSeverity = ir.IssueSeverity.ERROR
    learn_more_url: str = DASHBOARD_URL


@callback
def async_report(
    hass: HomeAssistant, entry_id: str, group: str, issues: Iterable[Issue]
) -> None:
    """Open these issues of a group, and close all others of it."""
    prefix = f"{entry_id}_{group}_"
    account_id = hass.config_entries.async_get_known_entry(entry_id).unique_id
    wanted = {f"{prefix}{_digest(account_id, issue)}": issue for issue in issues}
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(prefix) and issue_id not in wanted:
            ir.async_delete_issue(hass, DOMAIN, issue_id)
    for issue_id, issue in wanted.items():
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue_id,
            data=_data(entry_id, issue),
            is_fixable=issue.fix is not None,
            severity=issue.severity,
            translation_key=issue.translation_key,
            translation_placeholders=issue.placeholders,
            learn_more_url=issue.learn_more_url,
        )


def _digest(account_id: str | None, issue: Issue) -> str:
    """Return an id that names nothing: Home Assistant puts it into diagnostics."""
    return sha256(f"{account_id}_{issue.id}".encode()).hexdigest()[:16]


def _data(entry_id: str, issue: Issue) -> dict[str, str | int | float | None]:
    fix, subject = issue.fix or (None, None)
    return {"entry_id": entry_id, "fix": fix, "subject": subject}


@callback
def async_close_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Close every issue of an account."""
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(f"{entry_id}_"):
            ir.async_delete_issue(hass, DOMAIN, issue_id)


def permission_issues(account: str, missing: Iterable[Permission]) -> list[Issue]:
    """Return an issue for each permission that the token lacks."""
    return [
        Issue(
            id=permission.name.lower(),
            translation_key="permission_missing",
            placeholders={"account": account, "permission": permission.value},
            learn_more_url=token_url(permission),
        )
        for permission in missing
    ]


def hostname_issues(text: Texts, hostname: str, plan: Plan) -> list[Issue]:
    """Return what is wrong with a hostname; what can be fixed names it."""
    plan = plan.limited_to({hostname})
    issues = [_problem_issue(hostname, problem) for problem in plan.problems]
    for exposure in plan.exposures:
        key = "exposed" if plan.steps else "exposed_unfixable"
        who = text(f"exposure_{exposure.visitor}")
        issues.append(_hostname_issue(key, hostname, fixable=bool(plan.steps), who=who))
    if plan.steps and not plan.exposures:
        issues.append(_hostname_issue("drift", hostname, fixable=True))
    return issues


def _problem_issue(hostname: str, problem: Problem) -> Issue:
    message = describe_problem(problem)
    return Issue(
        id=f"{problem.code}_{hostname}",
        translation_key=message.key,
        placeholders=message.placeholders,
    )


def removal_issue(hostname: str) -> Issue:
    """Return that a removed hostname could not be taken down yet."""
    return _hostname_issue("removal_pending", hostname, fixable=False)


def not_enforced_issue(hostname: str) -> Issue:
    """Return that a request got past rules in which nothing is wrong."""
    return _hostname_issue("not_enforced", hostname, fixable=False)


def tunnel_issue(tunnel: Tunnel, since: datetime, hostnames: Iterable[str]) -> Issue:
    """Return that a tunnel is cut off, and what does not lead here any more."""
    return Issue(
        id=f"down_{tunnel.id}",
        translation_key="tunnel_down",
        placeholders={
            "tunnel": tunnel.name,
            "hostnames": "\n".join(f"- {hostname}" for hostname in sorted(hostnames)),
            "since": f"{dt_util.as_local(since):%Y-%m-%d %H:%M}",
        },
    )


def _hostname_issue(
    key: str, hostname: str, *, fixable: bool, **placeholders: str
) -> Issue:
    return Issue(
        id=f"{key}_{hostname}",
        translation_key=key,
        placeholders={"hostname": hostname, **placeholders},
        fix=(Fix.FIX_HOSTNAME, hostname) if fixable else None,
    )


def check_issue(finding: Finding) -> Issue:
    """Return what is in the way of companion devices; some of it a dialog can put right."""
    check = finding.check
    return Issue(
        id=finding.id,
        translation_key=f"check_{check}",
        placeholders=finding_placeholders(finding),
        fix=(Fix.FIX_FINDING, finding.id) if check in FIXABLE else None,
        severity=(
            ir.IssueSeverity.WARNING
            if check in _HARMLESS_AT_TIMES
            else ir.IssueSeverity.ERROR
        ),
        learn_more_url=(
            _NETWORK_URL if check is Check.PROXY_NOT_TRUSTED else DASHBOARD_URL
        ),
    )


def finding_placeholders(finding: Finding) -> dict[str, str]:
    """Return what a person reads of a finding; much of it was written by somebody else."""
    return {
        "target": finding.target,
        "value": quoted(finding.value),
        "detail": quoted(finding.detail),
    }


def companion_issues(companion: CompanionState) -> list[Issue]:
    """Return what a person has to do for a companion device before it is locked out.

    Each has an id of its own: who ignores the first is told again when it gets urgent.
    """
    key, severity = _lapse(companion)
    if key is None and companion.handover is HandoverState.MISSED:
        key = "handover_missed"
    if key is None:
        return []
    device, current = companion.device, companion.current
    ends = dt_util.as_local(current.facts.expires_on).date() if current else ""
    return [
        Issue(
            id=f"{key}_{device.id}",
            translation_key=key,
            placeholders={"name": device.name, "date": str(ends)},
            fix=(Fix.RENEW_CERTIFICATE, device.id),
            severity=severity,
        )
    ]


def _lapse(companion: CompanionState) -> tuple[str | None, ir.IssueSeverity]:
    """Return how a device is about to be locked out, unless a new certificate waits for it."""
    left = companion.days_left
    match companion.standing:
        case Standing.EXPIRED:
            return "certificate_expired", ir.IssueSeverity.ERROR
        case Standing.EXPIRING if left is not None and left < URGENT_DAYS:
            return "certificate_urgent", ir.IssueSeverity.ERROR
        case Standing.EXPIRING:
            return "certificate_expiring", ir.IssueSeverity.WARNING
        case _:
            return None, ir.IssueSeverity.WARNING


def elsewhere_issue() -> Issue:
    """Return that certificates get in that nobody here knows of."""
    return Issue(
        id="elsewhere",
        translation_key="certificates_elsewhere",
        placeholders={},
        fix=(Fix.ACCEPT_CERTIFICATES, ""),
        severity=ir.IssueSeverity.WARNING,
    )


def list_certificates(certificates: Iterable[Certificate]) -> str:
    """Return certificates as a list in Markdown, the longest lists cut."""
    lines = sorted(
        f"- {quoted(item.facts.name)}, {item.facts.expires_on:%Y-%m-%d}"
        for item in certificates
    )
    more = [f"- +{len(lines) - _MAX_LISTED}"] if len(lines) > _MAX_LISTED else []
    return "\n".join([*lines[:_MAX_LISTED], *more])


def revocation_issue(name: str, certificate_id: str) -> Issue:
    """Return that a certificate that had to be revoked still gets in."""
    return Issue(
        id=f"revocation_{certificate_id}",
        translation_key="revocation_pending",
        placeholders={"name": name},
    )
