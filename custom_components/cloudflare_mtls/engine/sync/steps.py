"""The steps of a plan, and what will be observed after each of them (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Protocol

from ..api.ingress import IngressRule, TunnelConfiguration
from ..api.json_fields import Fields
from ..api.models import ADDRESS_TYPES, DnsRecord, Observation, Rule, Ruleset
from ..api.names import in_dns
from ..rules.admissions import ANY_CERTIFICATE, Admission, read_admissions
from ..rules.marks import HEADER_REF, RECORD_COMMENT
from .desired import DesiredRule, record_content
from .origin_settings import OriginRequest

CATCH_ALL: Final[Mapping[str, Any]] = {"service": "http_status:404"}


class Kind(StrEnum):
    """What a step changes, in the order of a build-up."""

    BLOCK_RULE = "block_rule"
    ASSOCIATION = "association"
    SKIP_RULE = "skip_rule"
    INGRESS = "ingress"
    DNS_RECORD = "dns_record"
    HEADER_RULE = "header_rule"


class Action(StrEnum):
    """What a step does to it."""

    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"
    DELETE = "delete"
    ADOPT = "adopt"
    DISCARD = "discard"
    MARK = "mark"

    @property
    def takes_over(self) -> bool:
        """Return whether something that was made by hand becomes ours, or is deleted."""
        return self in (Action.ADOPT, Action.DISCARD)


@dataclass(frozen=True, kw_only=True)
class RuleStep:
    """Write, move or delete one of our rules, or a rule made by hand that ours replaces.

    Before is the ref of the rule that ours must stand ahead of; None means ahead of all.
    """

    kind: Kind
    action: Action
    target: str
    rule: DesiredRule | None = None
    before: str | None = None
    replaces: Rule | None = None

    @property
    def detail(self) -> str:
        """Return the rule's expression, or the name of the rule that it replaces."""
        if self.replaces:
            return self.replaces.description or self.replaces.id
        return self.rule.expression if self.rule else ""

    def leaves_out(self, hostname: str) -> bool:
        """Return whether the rule is changed to one that does not name the hostname."""
        return (
            self.action is Action.UPDATE
            and self.rule is not None
            and hostname not in read_admissions(self.rule.expression)
        )

    def found_in(self, ruleset: Ruleset) -> Rule | None:
        """Return the rule that the step changes, as it is now."""
        return ruleset.by_ref(self.replaces.ref if self.replaces else self.target)


@dataclass(frozen=True, kw_only=True)
class AssociationStep:
    """Ask visitors of a hostname for a client certificate, or stop asking."""

    action: Action
    target: str
    kind: Kind = Kind.ASSOCIATION
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class IngressStep:
    """Have a tunnel serve a hostname, or no longer serve it.

    The origin request is what a new rule takes over from another one.
    """

    action: Action
    target: str
    tunnel_id: str
    service: str
    origin_request: OriginRequest = ()
    admission: Admission = ANY_CERTIFICATE
    kind: Kind = Kind.INGRESS

    @property
    def detail(self) -> str:
        """Return the origin's address."""
        return self.service


@dataclass(frozen=True, kw_only=True)
class RecordStep:
    """Have a hostname's DNS record lead to a tunnel, or delete it."""

    action: Action
    target: str
    tunnel_id: str
    admission: Admission = ANY_CERTIFICATE
    kind: Kind = Kind.DNS_RECORD

    @property
    def detail(self) -> str:
        """Return where the record leads."""
        return record_content(self.tunnel_id)


@dataclass(frozen=True, kw_only=True)
class HeaderRuleStep:
    """Write the rule by which the edge tells Home Assistant of certificates, or delete it."""

    action: Action
    rule: DesiredRule | None = None
    target: str = HEADER_REF
    kind: Kind = Kind.HEADER_RULE

    @property
    def detail(self) -> str:
        """Return the rule's expression."""
        return self.rule.expression if self.rule else ""


type Step = RuleStep | AssociationStep | IngressStep | RecordStep | HeaderRuleStep


def is_shared(step: Step) -> bool:
    """Return whether a step is about all hostnames of its zone."""
    return isinstance(step, RuleStep | HeaderRuleStep)


class DescribableStep(Protocol):
    """A step of any plan: what it changes, how, and what of it."""

    @property
    def kind(self) -> StrEnum:
        """Return what the step changes."""

    @property
    def action(self) -> StrEnum:
        """Return what the step does to it."""

    @property
    def target(self) -> str:
        """Return what a person knows it by."""

    @property
    def detail(self) -> str:
        """Return what else a person may want to know."""


def describe_step(step: DescribableStep) -> dict[str, str]:
    """Return a step as responses and events describe it."""
    return {
        "kind": step.kind,
        "action": step.action,
        "target": step.target,
        "detail": step.detail,
    }


def advance(observation: Observation, step: Step) -> Observation:
    """Return what will be observed once the step is done."""
    match step:
        case RuleStep():
            return replace(
                observation, ruleset=_ruleset_after(observation.ruleset, step)
            )
        case AssociationStep():
            names = associations_after(observation.associations, step)
            return replace(observation, associations=names)
        case IngressStep():
            before = observation.configurations[step.tunnel_id]
            after = TunnelConfiguration.from_raw(
                step.tunnel_id, Fields(ingress_after(before, step))
            )
            return replace(
                observation,
                configurations={**observation.configurations, step.tunnel_id: after},
            )
        case RecordStep():
            records = _records_after(observation.records, step)
            return replace(observation, records=records)
        case HeaderRuleStep():
            ruleset = _header_rules_after(observation.header_rules or Ruleset(), step)
            return replace(observation, header_rules=ruleset)


def associations_after(
    hostnames: tuple[str, ...], step: AssociationStep
) -> tuple[str, ...]:
    """Return the whole list of associated hostnames once the step is done, order kept."""
    if step.action is Action.DELETE:
        return tuple(name for name in hostnames if in_dns(name) != step.target)
    if step.target in (in_dns(name) for name in hostnames):
        return hostnames
    return (*hostnames, step.target)


def ingress_after(
    configuration: TunnelConfiguration, step: IngressStep
) -> dict[str, Any]:
    """Return the whole configuration once the step is done; the rest of it stays as it is.

    A new rule stands ahead of any wildcard, since the first match wins.
    """
    own = configuration.rule_for(step.target)
    others = [rule for rule in configuration.ingress if rule is not own]
    rules = [dict(rule.raw) for rule in others]
    if step.action is not Action.DELETE:
        place = next(
            (
                place
                for place, rule in enumerate(others)
                if rule.path is None and rule.takes(step.target)
            ),
            len(others),
        )
        rules.insert(place, _ingress_rule(own, step))
        if not configuration.has_catch_all:
            rules.append(dict(CATCH_ALL))
    return {**configuration.raw, "ingress": rules}


def record_body(step: RecordStep) -> dict[str, Any]:
    """Return the fields that the step writes; the comment marks the record as ours."""
    if step.action is Action.MARK:
        return {"comment": RECORD_COMMENT}
    return {
        "type": "CNAME",
        "name": step.target,
        "content": record_content(step.tunnel_id),
        "proxied": True,
        "ttl": 1,
        "comment": RECORD_COMMENT,
    }


def address_record(records: tuple[DnsRecord, ...], hostname: str) -> DnsRecord | None:
    """Return the address record of exactly this hostname; wildcard records do not count."""
    return next(
        (
            record
            for record in records
            if record.name == hostname and record.type in ADDRESS_TYPES
        ),
        None,
    )


def _ruleset_after(ruleset: Ruleset, step: RuleStep) -> Ruleset:
    own = step.found_in(ruleset)
    others = [rule for rule in ruleset.rules if rule is not own]
    match step.action:
        case Action.DELETE | Action.DISCARD:
            return replace(ruleset, rules=tuple(others))
        case Action.UPDATE | Action.ADOPT if own and step.rule:
            changed = _observed_rule(own.id, step.rule)
            return replace(
                ruleset,
                rules=tuple(changed if rule is own else rule for rule in ruleset.rules),
            )
        case _:
            placed = _observed_rule("", step.rule) if step.rule else own
            if placed:
                refs = [rule.ref for rule in others]
                others.insert(refs.index(step.before) if step.before else 0, placed)
            return replace(ruleset, rules=tuple(others))


def _header_rules_after(ruleset: Ruleset, step: HeaderRuleStep) -> Ruleset:
    own = ruleset.by_ref(HEADER_REF)
    others = tuple(rule for rule in ruleset.rules if rule is not own)
    if step.rule is None:
        return replace(ruleset, rules=others)
    written = _observed_rule(own.id if own else "", step.rule)
    return replace(ruleset, rules=(*others, written))


def _observed_rule(rule_id: str, rule: DesiredRule) -> Rule:
    return Rule(
        id=rule_id,
        ref=rule.ref,
        action=rule.action,
        expression=rule.expression,
        description=rule.description,
        enabled=True,
        action_parameters=rule.action_parameters,
    )


def _records_after(
    records: tuple[DnsRecord, ...], step: RecordStep
) -> tuple[DnsRecord, ...]:
    own = address_record(records, step.target)
    others = tuple(record for record in records if record is not own)
    match step.action:
        case Action.DELETE:
            return others
        case Action.MARK if own:
            return (*others, replace(own, comment=RECORD_COMMENT))
    written = DnsRecord(
        id=own.id if own else "",
        name=step.target,
        type="CNAME",
        content=step.detail,
        proxied=True,
        comment=RECORD_COMMENT,
    )
    return (*others, written)


def _ingress_rule(own: IngressRule | None, step: IngressStep) -> dict[str, Any]:
    rule: dict[str, Any] = {"hostname": step.target, "service": step.service}
    if own:
        return {**own.raw, **rule}
    return (
        {**rule, "originRequest": dict(step.origin_request)}
        if step.origin_request
        else rule
    )
