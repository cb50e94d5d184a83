"""The header rule: by it the edge tells Home Assistant which certificate a visitor used (pure).

Two headers, both set for every request to its hostnames, so that none of them can be forged. The
mark tells that the rule was at work: nobody else knows it, as long as nobody else reads the rule.
The fingerprint is there only if the visitor showed a certificate.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
import re
from typing import Any, Final

from ..api.errors import EngineError
from ..api.json_fields import Fields
from ..api.models import Rule, Ruleset
from .admissions import read_admissions
from .expressions import MAX_LENGTH, at_host
from .marks import HEADER_REF

MARK_HEADER: Final = "X-Ha-Mtls-Rule"
CERTIFICATE_HEADER: Final = "X-Ha-Mtls-Sha256"
ACTION: Final = "rewrite"

_FINGERPRINT: Final = "cf.tls_client_auth.cert_fingerprint_sha256"
_MARK: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
_OR: Final = " or "


def header_parameters(mark: str) -> Mapping[str, Any]:
    """Return what the rule does with the headers.

    A header that is set to nothing is removed, so that of a visitor without a certificate no
    fingerprint is told, not even a forged one.

    Source: developers.cloudflare.com, request header transform rules.
    """
    return {
        "headers": {
            MARK_HEADER: {"operation": "set", "value": mark},
            CERTIFICATE_HEADER: {"operation": "set", "expression": _FINGERPRINT},
        }
    }


EXAMPLE_RULE: Final = {
    "action": ACTION,
    "action_parameters": header_parameters("dry-run-without-a-mark"),
}


def header_expression(hostnames: Collection[str]) -> str:
    """Return an expression that matches every request to the hostnames, or to as many as fit."""
    expression = ""
    for hostname in sorted(hostnames):
        longer = _OR.join(filter(None, [expression, at_host(hostname)]))
        if len(longer) <= MAX_LENGTH:
            expression = longer
    return expression


def mark_of(rule: Rule) -> str | None:
    """Return the mark that a rule sets, if it does with the headers what ours does.

    Cloudflare may write the names of headers in another case.
    """
    if rule.action != ACTION or rule.action_parameters.keys() != {"headers"}:
        return None
    try:
        headers = Fields(rule.action_parameters).object("headers")
        changes = {
            name.lower(): dict(change) if isinstance(change, Mapping) else {}
            for name, change in (headers.raw() if headers else {}).items()
        }
    except EngineError:
        return None
    mark = changes.get(MARK_HEADER.lower(), {}).get("value")
    if not isinstance(mark, str) or not _MARK.fullmatch(mark):
        return None
    ours = _lowered(header_parameters(mark)["headers"])
    return mark if changes == ours else None


def told_marks(ruleset: Ruleset) -> dict[str, str]:
    """Return the hostnames of whose requests the rule tells, each with the mark."""
    rule = ruleset.by_ref(HEADER_REF)
    if rule is None or not rule.enabled or rule.has_other_conditions:
        return {}
    mark = mark_of(rule)
    return dict.fromkeys(read_admissions(rule.expression), mark) if mark else {}


def with_header_mark(ruleset: Ruleset) -> Ruleset:
    """Return the ruleset with our ref on the rule that does what only ours does."""
    if ruleset.by_ref(HEADER_REF):
        return ruleset
    ours = next((rule for rule in ruleset.rules if mark_of(rule)), None)
    return replace(
        ruleset,
        rules=tuple(
            replace(rule, ref=HEADER_REF, lost_mark=True) if rule is ours else rule
            for rule in ruleset.rules
        ),
    )


def _lowered(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): change for name, change in changes.items()}
