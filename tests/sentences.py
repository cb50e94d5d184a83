"""The sentences of the integration, and where its code uses them."""

import ast
from collections.abc import Iterator
import re
from string import Formatter
from typing import Any

from custom_components.cloudflare_mtls.engine.api.errors import (
    Conflict,
    EngineError,
    NotFound,
    NotListed,
    Permission,
    PermissionMissing,
    QuotaExceeded,
    RateLimited,
    Rejected,
    TokenProblem,
    TokenRejected,
    Unavailable,
)
from custom_components.cloudflare_mtls.engine.arrival import Arrival
from custom_components.cloudflare_mtls.engine.checks.specs import SPECS, Check
from custom_components.cloudflare_mtls.engine.sync.lost_zones import Loss
from custom_components.cloudflare_mtls.engine.sync.problems import ProblemCode
from custom_components.cloudflare_mtls.login_issues import TOLD_PROBLEMS

from .common import ENGLISH, PACKAGE

CONFIG = ENGLISH["config"]
SUBENTRY = ENGLISH["config_subentries"]["protected_hostname"]
COMPANION = ENGLISH["config_subentries"]["companion_device"]
LOGIN = ENGLISH["config_subentries"]["login_hostname"]
SOURCES = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text())
    for path in sorted(PACKAGE.rglob("*.py"))
}
# Repairs with a dialog of their own.
REPAIRS = {
    key: issue["fix_flow"]
    for key, issue in ENGLISH["issues"].items()
    if "fix_flow" in issue
}
FIXING = ("drift", "exposed")
RENEWAL = (
    "certificate_expiring",
    "certificate_urgent",
    "certificate_expired",
    "handover_missed",
)
ARRIVALS = tuple(
    f"arrival_{arrival}"
    for arrival in Arrival
    # A blocked device, and a hostname without a certificate at the edge, get none of theirs.
    if arrival.needs_a_person
    and arrival not in (Arrival.BLOCKED, Arrival.NO_CERTIFICATE)
)
# Problems of removed hostnames, whose repairs have dialogs.
OF_REMOVED = (
    ProblemCode.STILL_SERVED,
    ProblemCode.STILL_REACHABLE,
    ProblemCode.STILL_IN_FILE,
)
RULES = ("rule_missing", "rule_missing_in_some", "rule_shadowed")
REPEATED = (
    "undone_again",
    "opened_again",
    "login_undone_again",
    "login_opened_again",
)
IN_FILES = ("removal_in_file", "moved_in_file")
LOST_ZONES = tuple(f"zone_{loss}" for loss in Loss)
LOGIN_DRIFTS = ("login_gone", "login_opened", "login_drift", "login_list_changed")
LOGIN_PROBLEMS = tuple(f"login_{code}" for code in sorted(TOLD_PROBLEMS))
LOGINS_WITH_DIALOG = ("login_left", "login_undone", *LOGIN_DRIFTS)
REFUSED_LOGINS = ("login_refused", "login_refused_listed", "login_refused_elsewhere")
UNKNOWN_CERTIFICATES = ("unknown_certificates", "unknown_certificates_pinned")
FIXING_FINDINGS = tuple(f"check_{check}" for check in Check if SPECS[check].fixed_in)
ERRORS: list[EngineError] = [
    *(TokenRejected(problem) for problem in TokenProblem),
    NotListed(),
    PermissionMissing(Permission.DNS_EDIT),
    RateLimited(42.0),
    Unavailable("gone"),
    Rejected(1, "no"),
    NotFound(1, "no"),
    QuotaExceeded(1, "no"),
    Conflict(1, "no"),
]


def unquoted(sentence: str) -> str:
    """Return a sentence without the backticks around its placeholders, for comparison.

    The same sentence has them where Markdown is rendered, and not where it is not.
    """
    return re.sub(r"`(\{\w+\})`", r"\1", sentence)


def placeholders(text: str) -> set[str]:
    """Return the placeholders of a sentence."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def strings(texts: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every sentence with the path to it."""
    if isinstance(texts, str):
        yield path, texts
        return
    for key, value in texts.items():
        yield from strings(value, f"{path}.{key}" if path else key)
