"""Who reaches an origin without a good certificate, and through which rule (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..api.models import (
    ADDRESS_TYPES,
    DnsRecord,
    Observation,
    Rule,
    Ruleset,
    name_matches,
)
from .admissions import ANY_CERTIFICATE, Admission
from .host_forms import HostForms
from .meaning import evaluate
from .request_set import AnyExcept, RequestSet


class Visitor(StrEnum):
    """A visitor who must not get in."""

    NO_CERTIFICATE = "no_certificate"
    REVOKED_CERTIFICATE = "revoked_certificate"
    UNPINNED_CERTIFICATE = "unpinned_certificate"


# Whether the visitor's certificate is verified, and whether it is revoked.
_CERTIFICATE: Final[Mapping[Visitor, tuple[bool, bool]]] = {
    Visitor.NO_CERTIFICATE: (False, False),
    Visitor.REVOKED_CERTIFICATE: (True, True),
    Visitor.UNPINNED_CERTIFICATE: (True, False),
}


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """A visitor who gets in without a good certificate, and the rule that lets them past.

    The rule is None where no rule stops them.
    """

    hostname: str
    visitor: Visitor
    through: Rule | None


def exposed(
    observation: Observation, hostname: str, admission: Admission = ANY_CERTIFICATE
) -> Exposure | None:
    """Return a visitor who reaches an origin without a good certificate, if there is one.

    A hostname is exposed when a proxied DNS record and an ingress rule make it reach an
    origin, and some request outside its exempt paths, with no certificate, a revoked one, or,
    when pinning, one that is not pinned, is not certain to be blocked. What is not known
    counts as reaching an origin, and as not blocked.
    """
    if not _reaches_origin(observation, hostname):
        return None
    for visitor, (verified, revoked) in _CERTIFICATE.items():
        if visitor is Visitor.UNPINNED_CERTIFICATE and admission.pinned is None:
            continue
        requests = RequestSet(
            host=HostForms(hostname),
            verified=verified,
            revoked=revoked,
            fingerprint=_fingerprint(visitor, admission),
            exempt_paths=admission.exempt_paths,
        )
        blocked, through = _verdict(observation.ruleset, requests)
        if not blocked:
            return Exposure(hostname=hostname, visitor=visitor, through=through)
    return None


def _fingerprint(visitor: Visitor, admission: Admission) -> str | AnyExcept | None:
    match visitor:
        case Visitor.NO_CERTIFICATE:
            return ""
        case Visitor.REVOKED_CERTIFICATE:
            # It may be a pinned one.
            return None
        case Visitor.UNPINNED_CERTIFICATE:
            return AnyExcept(admission.pinned or frozenset())


def _reaches_origin(observation: Observation, hostname: str) -> bool:
    records = [
        record
        for record in observation.records
        if name_matches(record.name, hostname) and record.type in ADDRESS_TYPES
    ]
    exact = [record for record in records if record.name == hostname]
    return any(
        record.proxied and _is_served(observation, record, hostname)
        for record in exact or records
    )


def _is_served(observation: Observation, record: DnsRecord, hostname: str) -> bool:
    """Return whether the record's target may answer; only a known tunnel is known not to."""
    configuration = observation.configurations.get(record.tunnel_id or "")
    if configuration is None:
        return True
    for rule in configuration.ingress:
        if rule.matches(hostname):
            if not rule.service.startswith("http_status:"):
                return True
            if rule.path is None:
                return False
    return False


def _verdict(ruleset: Ruleset, requests: RequestSet) -> tuple[bool, Rule | None]:
    """Return whether all the requests are blocked, and the rule that lets some past, if any.

    A challenge does not count as a block: a visitor who solves it goes on to the next rule.
    """
    for rule in ruleset.rules:
        if not rule.enabled:
            continue
        truth = evaluate(rule.expression, requests)
        if rule.action == "block" and truth is True:
            return True, None
        if truth is not False and skips_later_rules(rule):
            return False, rule
    return False, None


def skips_later_rules(rule: Rule) -> bool:
    """Return whether requests that the rule matches skip all custom rules after it.

    Source: developers.cloudflare.com, WAF custom rules, skip options.
    """
    return rule.action == "skip" and "current" in (
        rule.action_parameters.get("ruleset"),
        rule.action_parameters.get("phase"),
    )
