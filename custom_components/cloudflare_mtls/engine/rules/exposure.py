"""Whom the rules let past: visitors without a good certificate, and a certificate that is good (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

from ..api.models import ADDRESS_TYPES, DnsRecord, Observation, Rule, Ruleset
from .actions import ends_evaluation
from .admissions import ANY_CERTIFICATE, Admission
from .exempt_paths import FIRST_PAGE, paths_outside
from .host_forms import HostForms
from .meaning import evaluate
from .request_set import RequestSet
from .text_sets import Exactly
from .truth import Truth
from .visitors import Visitor, handshakes

# The types of DNS records that tell visitors which server to ask.
_LEADING_TYPES: Final = ADDRESS_TYPES | {"HTTPS", "NS", "SVCB"}
# What rules know of the visitor's certificate.
_CERTIFICATE_FIELDS: Final = "cf.tls_client_auth."


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """A visitor who gets in without a good certificate, and the rule that lets them past.

    The rule is None where no rule stops them.
    """

    hostname: str
    visitor: Visitor
    through: Rule | None

    def is_wider_than(self, other: Exposure | None) -> bool:
        """Return whether visitors get in with less than another exposure asks for."""
        if other is None:
            return True
        order = list(Visitor)
        return order.index(self.visitor) < order.index(other.visitor)


def exposed(
    observation: Observation, hostname: str, admission: Admission = ANY_CERTIFICATE
) -> Exposure | None:
    """Return the visitor with the least who reaches an origin without a good certificate, if any.

    A hostname is exposed when a DNS record of its own leads visitors past Cloudflare. It is
    also exposed when a proxied record and an ingress rule make it reach an origin, and some
    request outside its exempt paths, with no certificate, one that Cloudflare does not accept,
    a revoked one, or, where only some are good, one that is not among them, is not certain to be
    blocked. What is not known counts as reaching an origin, and as not blocked.
    """
    if _leads_past_cloudflare(observation, hostname):
        return Exposure(hostname=hostname, visitor=Visitor.NO_CERTIFICATE, through=None)
    if not records_to_an_origin(observation, hostname):
        return None
    for visitor, requests in _requests_without_permission(hostname, admission):
        blocked, through = _verdict(observation.ruleset, requests)
        if not blocked:
            return Exposure(hostname=hostname, visitor=visitor, through=through)
    return None


# Every step of a plan that changes a rule asks for those of all its hostnames again.
@lru_cache(maxsize=1024)
def _requests_without_permission(
    hostname: str, admission: Admission
) -> tuple[tuple[Visitor, RequestSet], ...]:
    """Return all requests that must be blocked, by visitors with the least first."""
    return tuple(
        (
            handshake.visitor,
            RequestSet(
                host=HostForms(hostname),
                path=path,
                presented=handshake.presented,
                verified=handshake.verified,
                revoked=handshake.revoked,
                fingerprint=handshake.fingerprint,
            ),
        )
        for handshake, path in product(
            handshakes(admission.pinned), paths_outside(admission.exempt_paths)
        )
    )


def lets_in(ruleset: Ruleset, hostname: str, fingerprint: str) -> Truth:
    """Return whether a certificate passes the rules at the first page of a hostname.

    It counts as verified and not revoked; its fingerprint is SHA-256 in lowercase hex. No exempt
    path is asked for: everybody passes there. A rule that may match, by something else that a
    visitor is or sends, does not count. None where a rule may block the certificate for what it is.
    """
    requests = RequestSet(
        host=Exactly(hostname),
        path=Exactly(FIRST_PAGE),
        presented=True,
        verified=True,
        revoked=False,
        fingerprint=Exactly(fingerprint),
    )
    passes: Truth = True
    for rule in ruleset.rules:
        truth = evaluate(rule.expression, requests) if rule.enabled else False
        is_certain = truth is True and not rule.has_other_conditions
        if rule.action == "block":
            if is_certain:
                return False
            if truth is not False and _CERTIFICATE_FIELDS in rule.expression:
                passes = None
        elif is_certain and ends_evaluation(rule):
            return passes
    return passes


def _leads_past_cloudflare(observation: Observation, hostname: str) -> bool:
    """Return whether a record of the hostname leads visitors to another server, past all rules.

    A paused zone proxies nothing. A wildcard does not count: it leads there by every name, with
    or without this hostname. A tunnel's name answers through Cloudflare only.
    """
    return any(
        record.type in _LEADING_TYPES
        and record.tunnel_id is None
        and (observation.zone.paused or not record.proxied)
        for record in observation.records_of(hostname)
    )


def records_to_an_origin(
    observation: Observation, hostname: str
) -> tuple[DnsRecord, ...]:
    """Return the records by which visitors of a hostname may reach an origin through Cloudflare."""
    exact = _addresses(observation.records_of(hostname))
    return tuple(
        record
        for record in exact or _addresses(observation.wildcards_over(hostname))
        if record.proxied and _is_served(observation, record, hostname)
    )


def _addresses(records: Iterable[DnsRecord]) -> list[DnsRecord]:
    return [record for record in records if record.type in ADDRESS_TYPES]


def _is_served(observation: Observation, record: DnsRecord, hostname: str) -> bool:
    """Return whether the record's target may answer; only a known tunnel is known not to."""
    configuration = observation.configurations.get(record.tunnel_id or "")
    return configuration is None or configuration.may_serve(hostname)


def _verdict(ruleset: Ruleset, requests: RequestSet) -> tuple[bool, Rule | None]:
    """Return whether all the requests are blocked, and the rule that lets some past, if any.

    A challenge does not count as a block: a visitor may solve it.
    """
    for rule in ruleset.rules:
        if not rule.enabled:
            continue
        truth = evaluate(rule.expression, requests)
        if rule.action == "block" and truth is True and not rule.has_other_conditions:
            return True, None
        if truth is not False and ends_evaluation(rule) is not False:
            return False, rule
    return False, None
