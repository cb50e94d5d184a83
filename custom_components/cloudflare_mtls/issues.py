"""Issues: what a person is told of, and what can be fixed in a dialog."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from math import ceil

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from .const import DOMAIN, INTEGRATION_URL, TROUBLESHOOTING_URL
from .engine.api.errors import Permission
from .engine.api.models import Tunnel
from .engine.arrival import Arrival
from .engine.certificates.certificate import Certificate, ListedCertificate
from .engine.certificates.companions import (
    CompanionDevice,
    CompanionState,
    HandoverState,
)
from .engine.certificates.lifecycle import (
    EXPIRING_DAYS,
    URGENT_DAYS,
    Standing,
    days_left,
)
from .engine.checks.finding import Finding
from .engine.checks.specs import SPECS, HelpLink
from .engine.permissions import token_url
from .engine.sync.header_steps import FullHeaderRules
from .engine.sync.lost_zones import LostZone
from .engine.sync.plan import Plan
from .engine.sync.problems import Problem, ProblemCode
from .engine.sync.repeated_drift import RepeatedChange
from .engine.sync.settings import HostnameSettings
from .engine.tunnels.reports import ConnectorReport, RuleState
from .quoting import listed, shown
from .wording import Texts, async_get_loaded_texts, describe_moment, describe_problem

_HELP_URLS = {
    HelpLink.TROUBLESHOOTING: None,
    HelpLink.HOME_ASSISTANT_NETWORK: "homeassistant://config/network",
}


class Fix(StrEnum):
    """What the dialog of an issue does."""

    FIX_HOSTNAME = "fix_hostname"
    RENEW_CERTIFICATE = "renew_certificate"
    UNKNOWN_CERTIFICATES = "unknown_certificates"
    FIX_FINDING = "fix_finding"
    SHOW_HANDOVER = "show_handover"
    LOST_ZONE = "lost_zone"
    KEEP_BLOCKED = "keep_blocked"
    STILL_SERVED = "still_served"
    RELEASE = "release"
    LOGIN_LEFT = "login_left"
    LOGIN_UNDONE = "login_undone"
    LOGIN_DRIFT = "login_drift"
    LOGIN_LIST_CHANGED = "login_list_changed"


@dataclass(frozen=True, kw_only=True)
class Issue:
    """Something that a person is told of.

    Fix is what its dialog does, and to which hostname, device or finding. Without a link of its
    own, an issue links to its place in docs/troubleshooting.md. A persistent one outlives a restart:
    nobody would report it again. Dates are written out where it is reported, in Home Assistant's
    language.
    """

    id: str
    translation_key: str
    placeholders: Mapping[str, str | date]
    fix: tuple[Fix, str] | None = None
    severity: ir.IssueSeverity = ir.IssueSeverity.ERROR
    learn_more_url: str | None = None
    is_persistent: bool = False


@callback
def async_report(
    hass: HomeAssistant,
    entry_id: str,
    group: str,
    issues: Iterable[Issue],
    *,
    is_complete: bool = True,
) -> None:
    """Open these issues of a group; close all others of the group, unless there may be more.

    Home Assistant forgets of a closed issue that a person ignored it.
    """
    prefix = f"{entry_id}_{group}_"
    # The last issues of an account are closed after it was removed.
    entry = hass.config_entries.async_get_entry(entry_id)
    account_id = entry.unique_id if entry else None
    wanted = {f"{prefix}{_digest(account_id, issue)}": issue for issue in issues}
    others = [
        issue_id
        for domain, issue_id in ir.async_get(hass).issues
        if domain == DOMAIN and issue_id.startswith(prefix) and issue_id not in wanted
    ]
    for issue_id in others if is_complete else ():
        ir.async_delete_issue(hass, DOMAIN, issue_id)
    text = async_get_loaded_texts(hass)
    for issue_id, issue in wanted.items():
        placeholders = {
            name: value if isinstance(value, str) else describe_moment(text, value)
            for name, value in issue.placeholders.items()
        }
        ir.async_create_issue(
            hass,
            DOMAIN,
            issue_id,
            data=_data(entry_id, issue),
            is_fixable=issue.fix is not None,
            is_persistent=issue.is_persistent,
            severity=issue.severity,
            translation_key=issue.translation_key,
            translation_placeholders=shown(placeholders),
            learn_more_url=issue.learn_more_url
            or f"{TROUBLESHOOTING_URL}#{issue.translation_key}",
        )


def _digest(account_id: str | None, issue: Issue) -> str:
    """Return an id without names in it: Home Assistant puts it into diagnostics."""
    return sha256(f"{account_id}_{issue.id}".encode()).hexdigest()[:16]


def _data(entry_id: str, issue: Issue) -> dict[str, str | int | float | None]:
    fix, subject = issue.fix or (None, None)
    key = issue.translation_key
    return {"entry_id": entry_id, "fix": fix, "subject": subject, "key": key}


@callback
def async_close_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Close every issue of an account."""
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(f"{entry_id}_"):
            ir.async_delete_issue(hass, DOMAIN, issue_id)


def permission_issues(account: str, missing: Iterable[Permission]) -> list[Issue]:
    """Return the issue for each permission that the token lacks."""
    return [
        Issue(
            id=permission.name.lower(),
            translation_key="permission_missing",
            placeholders={"account": account, "permission": permission.value},
            learn_more_url=token_url(permission),
        )
        for permission in missing
    ]


def token_issues(
    account: str, expires_on: datetime | None, now: datetime
) -> list[Issue]:
    """Return the issue for an API token that expires soon; None stands for one that never does.

    An early one and an urgent one have their own ids, as for certificates.
    """
    if expires_on is None or (left := days_left(expires_on, now)) >= EXPIRING_DAYS:
        return []
    is_urgent = left < URGENT_DAYS
    key = "token_urgent" if is_urgent else "token_expiring"
    day = dt_util.as_local(expires_on).date()
    return [
        Issue(
            id=key,
            translation_key=key,
            placeholders={"account": account, "date": day},
            severity=ir.IssueSeverity.ERROR if is_urgent else ir.IssueSeverity.WARNING,
            learn_more_url=INTEGRATION_URL,
        )
    ]


def protection_issues(
    text: Texts,
    plans: Mapping[str, Plan],
    hostnames: Iterable[HostnameSettings],
    removed: Iterable[HostnameSettings],
    unseen: Collection[str],
    newly_unread: Collection[str],
    refusals: Mapping[str, str],
) -> list[Issue]:
    """Return the issues of protected hostnames, and of removed ones that are not down yet.

    Plans, and what Cloudflare says where it refuses to fix drift, are by zone. Of unseen hostnames,
    which were removed, nobody sees whether they are down. That a tunnel cannot be read is told only
    once it is no news.
    """
    issues = [
        _full_header_rules_issue(plan.full_header_rules)
        for plan in plans.values()
        if plan.full_header_rules
    ]
    for item in hostnames:
        if plan := plans.get(item.zone_id):
            refusal = refusals.get(item.zone_id)
            issues += _hostname_issues(text, item.hostname, plan, newly_unread, refusal)
    for item in removed:
        plan = plans.get(item.zone_id)
        if plan and plan.drifted(item.hostname):
            issues += _removal_issues(item.hostname, plan)
        elif item.hostname in unseen:
            issues.append(_removal_issue(item.hostname, None))
    return issues


def _full_header_rules_issue(full: FullHeaderRules) -> Issue:
    """Return the issue for a domain whose plan allows no further transform rule."""
    return Issue(
        id=f"no_free_header_rule_{full.zone}",
        translation_key="no_free_header_rule",
        placeholders={"zone": full.zone, "rules": full.rules},
        severity=ir.IssueSeverity.WARNING,
    )


def _hostname_issues(
    text: Texts,
    hostname: str,
    plan: Plan,
    newly_unread: Collection[str],
    refusal: str | None,
) -> list[Issue]:
    plan = plan.limited_to({hostname})
    issues = [
        _problem_issue(problem, hostname)
        for problem in plan.problems
        if not (
            problem.code is ProblemCode.TUNNEL_UNREAD and problem.detail in newly_unread
        )
    ]
    for exposure in plan.exposures:
        key = "exposed" if plan.steps else "exposed_unfixable"
        issue = _hostname_issue(
            key,
            hostname,
            fixable=bool(plan.steps),
            who=text(f"exposure_{exposure.visitor}"),
        )
        # Who ignores that some get in does not mean others.
        issues.append(replace(issue, id=f"{issue.id}_{exposure.visitor}"))
    if plan.steps and not plan.exposures and refusal is None:
        issues.append(_hostname_issue("drift", hostname, fixable=True))
    if plan.steps and refusal is not None:
        issues.append(
            _hostname_issue("fix_refused", hostname, fixable=False, message=refusal)
        )
    return issues


def repeated_drift_issue(hostname: str, change: RepeatedChange) -> Issue:
    """Return the issue for a hostname whose protection somebody else keeps undoing."""
    minutes = ceil((change.exposed_for or timedelta()) / timedelta(minutes=1))
    key = "undone_again" if change.exposed_for is None else "opened_again"
    return Issue(
        id=f"{key}_{hostname}",
        translation_key=key,
        placeholders={
            "hostname": hostname,
            "times": str(change.times),
            "since": change.since,
            "minutes": str(max(minutes, 1)),
        },
        severity=ir.IssueSeverity.WARNING
        if change.exposed_for is None
        else ir.IssueSeverity.ERROR,
    )


def lost_zone_issue(lost: LostZone) -> Issue:
    """Return the issue for a domain that Home Assistant can no longer read."""
    return Issue(
        id=f"{lost.loss}_{lost.zone_id}",
        translation_key=f"zone_{lost.loss}",
        placeholders={"zone": lost.name, "reason": lost.reason},
        fix=(Fix.LOST_ZONE, lost.zone_id),
    )


def _problem_issue(problem: Problem, hostname: str) -> Issue:
    message = describe_problem(problem)
    return Issue(
        id=f"{problem.code}_{hostname}",
        translation_key=message.key,
        placeholders=message.placeholders,
    )


def _removal_issues(hostname: str, plan: Plan) -> list[Issue]:
    """Return the issues for a removed hostname that could not be taken down, or not yet."""
    left = plan.what_is_left(hostname)
    if left is None or left.code is not ProblemCode.STILL_IN_FILE:
        return [_removal_issue(hostname, left)]
    # A person takes it out of each file, one after the other.
    return [
        _in_file_issue("removal_in_file", hostname, problem.detail)
        for problem in plan.problems
        if (problem.code, problem.target) == (left.code, hostname)
    ]


def _removal_issue(hostname: str, left: Problem | None) -> Issue:
    match left.code if left else None:
        case ProblemCode.STILL_SERVED if left:
            return Issue(
                id=f"removal_served_{hostname}",
                translation_key="removal_served",
                placeholders={"hostname": hostname, "service": left.detail},
                fix=(Fix.STILL_SERVED, hostname),
                severity=ir.IssueSeverity.WARNING,
            )
        case ProblemCode.STILL_REACHABLE if left:
            return Issue(
                id=f"removal_left_{hostname}",
                translation_key="removal_left",
                placeholders={"hostname": hostname, "record": left.detail},
                fix=(Fix.KEEP_BLOCKED, hostname),
                severity=ir.IssueSeverity.WARNING,
            )
    return _hostname_issue("removal_pending", hostname, fixable=False)


def moved_in_file_issue(hostname: str, tunnel_id: str) -> Issue:
    """Return the issue for a hostname that the file of a tunnel which it had before may still name."""
    return _in_file_issue("moved_in_file", hostname, tunnel_id)


def _in_file_issue(key: str, hostname: str, tunnel_id: str) -> Issue:
    return Issue(
        id=f"{key}_{hostname}_{tunnel_id}",
        translation_key=key,
        placeholders={"hostname": hostname},
        fix=(Fix.RELEASE, f"{hostname} {tunnel_id}"),
        severity=ir.IssueSeverity.WARNING,
    )


def not_enforced_issue(hostname: str, *, is_readable: bool) -> Issue:
    """Return the issue for a hostname that lets visitors in, and its rules are right or not readable."""
    key = "not_enforced" if is_readable else "not_enforced_unread"
    return _hostname_issue(key, hostname, fixable=False)


def uncertified_issue(hostname: str, at: datetime) -> Issue:
    """Return the issue for a request without a valid certificate that reached Home Assistant.

    Each moment has its own id: who ignores one request does not mean the next one.
    """
    issue = _hostname_issue("uncertified_request", hostname, fixable=False)
    return replace(
        issue,
        id=f"{issue.id}_{at.isoformat()}",
        placeholders={"hostname": hostname, "at": at},
    )


def no_device_left_issue(hostname: str) -> Issue:
    """Return the issue for a limited hostname whose companion devices were all removed."""
    return _hostname_issue("no_device_left", hostname, fixable=False)


def no_edge_certificate_issue(hostname: str) -> Issue:
    """Return the issue for a hostname that the edge has no certificate for."""
    return _hostname_issue("no_edge_certificate", hostname, fixable=False)


def arrival_issue(hostname: str, arrival: Arrival) -> Issue:
    """Return the issue for what a device meets that the rules of a hostname let in."""
    issue = _hostname_issue(f"arrival_{arrival}", hostname, fixable=False)
    # Some of it stops no device.
    return (
        replace(issue, severity=ir.IssueSeverity.WARNING) if arrival.is_there else issue
    )


def tunnel_issue(tunnel: Tunnel, since: datetime, hostnames: Iterable[str]) -> Issue:
    """Return the issue for a tunnel that is down, and the hostnames that it should serve."""
    return Issue(
        id=f"down_{tunnel.id}",
        translation_key="tunnel_down",
        placeholders={
            "tunnel": tunnel.name,
            "hostnames": listed(sorted(hostnames)),
            "since": since,
        },
    )


def rule_issue(
    hostname: str, tunnel_name: str, reports: Iterable[ConnectorReport]
) -> Issue | None:
    """Return the issue for a hostname that not every connector of a local tunnel serves."""
    states = [
        (report, report.rule_state(hostname))
        for report in reports
        if report.is_connected
    ]
    lacking = [report for report, state in states if state is RuleState.MISSING]
    shadowed = [report for report, state in states if state is RuleState.SHADOWED]
    issue = _hostname_issue("rule_missing", hostname, fixable=False, tunnel=tunnel_name)
    if lacking and len(lacking) < len(states):
        counts = {"missing": str(len(lacking)), "connectors": str(len(states))}
        return replace(
            issue,
            translation_key="rule_missing_in_some",
            placeholders={**issue.placeholders, **counts},
        )
    if lacking:
        return issue
    if shadowed:
        return _hostname_issue(
            "rule_shadowed",
            hostname,
            fixable=False,
            tunnel=tunnel_name,
            other=shadowed[0].shadowing(hostname),
        )
    return None


def _hostname_issue(
    key: str, hostname: str, *, fixable: bool, **placeholders: str
) -> Issue:
    return Issue(
        id=f"{key}_{hostname}",
        translation_key=key,
        placeholders={"hostname": hostname, **placeholders},
        fix=(Fix.FIX_HOSTNAME, hostname) if fixable else None,
    )


def login_issue(kind: str, hostname: str, fix: Fix | None = None) -> Issue:
    """Return the issue for a login hostname that is not as a person may think."""
    issue = _hostname_issue(kind, hostname, fixable=False)
    if fix is None:
        return issue
    return replace(issue, fix=(fix, hostname), severity=ir.IssueSeverity.WARNING)


def check_issue(finding: Finding) -> Issue:
    """Return the issue for something that is in the way of companion devices."""
    spec = SPECS[finding.check]
    return Issue(
        id=finding.id,
        translation_key=f"check_{finding.check}",
        placeholders=finding_placeholders(finding),
        fix=(Fix.FIX_FINDING, finding.id) if spec.fixed_in else None,
        severity=ir.IssueSeverity(spec.severity),
        learn_more_url=_HELP_URLS[spec.help_link],
    )


def finding_placeholders(finding: Finding) -> dict[str, str]:
    """Return what a person reads of a finding."""
    return {
        "target": finding.target,
        "value": finding.value,
        "detail": finding.detail,
    }


def companion_issues(companion: CompanionState) -> list[Issue]:
    """Return the issues for a companion device that will not get in, or already does not.

    Each kind has its own id, so that ignoring an early one does not hide an urgent one.
    """
    key = _companion_issue_key(companion)
    if key is None:
        return []
    device, current = companion.device, companion.current
    expires = dt_util.as_local(current.facts.expires_on).date() if current else ""
    is_early = key in ("certificate_expiring", "handover_missed")
    return [
        Issue(
            id=f"{key}_{device.id}",
            translation_key=key,
            placeholders={"name": device.name, "date": expires},
            fix=(Fix.RENEW_CERTIFICATE, device.id),
            severity=ir.IssueSeverity.WARNING if is_early else ir.IssueSeverity.ERROR,
        )
    ]


def old_certificate_issue(device: CompanionDevice, revoked_on: datetime) -> Issue:
    """Return the issue for a device that still uses a certificate which is revoked soon."""
    day = dt_util.as_local(revoked_on).date()
    return Issue(
        id=f"old_certificate_in_use_{device.id}_{day}",
        translation_key="old_certificate_in_use",
        placeholders={"name": device.name, "date": day},
        severity=ir.IssueSeverity.WARNING,
    )


def unused_issue(device: CompanionDevice, since: datetime) -> Issue:
    """Return the issue for a device that nobody has used from outside for long."""
    return Issue(
        id=f"device_unused_{device.id}",
        translation_key="device_unused",
        placeholders={"name": device.name, "since": dt_util.as_local(since).date()},
        severity=ir.IssueSeverity.WARNING,
    )


def shared_issue(device: CompanionDevice, apps: Mapping[str, str]) -> Issue:
    """Return the issue for a certificate that several apps use; the apps have names, by their ids."""
    ids = "_".join(sorted(apps))
    return Issue(
        id=f"certificate_shared_{device.id}_{ids}",
        translation_key="certificate_shared",
        placeholders={"name": device.name, "apps": listed(sorted(apps.values()))},
        severity=ir.IssueSeverity.WARNING,
    )


def ready_issue(device: CompanionDevice) -> Issue:
    """Return the issue for a certificate that the device can fetch."""
    return Issue(
        id=device.id,
        translation_key="certificate_ready",
        placeholders={"name": device.name},
        fix=(Fix.SHOW_HANDOVER, device.id),
        severity=ir.IssueSeverity.WARNING,
    )


def _companion_issue_key(companion: CompanionState) -> str | None:
    """Return the kind of issue that a device has: its certificate comes before its setup."""
    left = companion.days_left
    match companion.standing:
        case Standing.EXPIRED:
            return "certificate_expired"
        case Standing.EXPIRING if left is not None and left < URGENT_DAYS:
            return "certificate_urgent"
        case Standing.EXPIRING:
            return "certificate_expiring"
    is_missed = companion.handover is HandoverState.MISSED
    return "handover_missed" if is_missed else None


def unknown_issue(certificates: Iterable[ListedCertificate], *, pinned: bool) -> Issue:
    """Return the issue for unknown certificates, which connect unless others are pinned.

    Each set of them has its own id: ignoring some hides none that appears later.
    """
    # Not by Cloudflare's ids: another certificate may stand under one that was ignored.
    ids = "_".join(sorted(item.own_ids[-1] for item in certificates))
    key = "unknown_certificates_pinned" if pinned else "unknown_certificates"
    return Issue(
        id=f"{key}_{ids}",
        translation_key=key,
        placeholders={},
        fix=(Fix.UNKNOWN_CERTIFICATES, ""),
        severity=ir.IssueSeverity.WARNING,
    )


def revocation_issue(certificate: ListedCertificate, device_name: str | None) -> Issue:
    """Return the issue for a certificate that could not be revoked yet, of a device or of none."""
    name = device_name or certificate.id
    if device_name is None and isinstance(certificate, Certificate):
        name = certificate.facts.name
    return Issue(
        id=f"revocation_{certificate.id}",
        translation_key="revocation_not_seen"
        if certificate.zone_id is None
        else "revocation_pending",
        placeholders={"name": name},
    )
