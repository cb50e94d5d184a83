"""Observed against desired: who gets in now, and the steps that make it right (pure)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from .desired import (
    BLOCK_REF,
    RECORD_COMMENT,
    SKIP_REF,
    DesiredRule,
    DesiredZone,
    ProtectedHostname,
    in_zone,
    record_content,
)
from .evaluation import HostForms, Requests, evaluate, named_hosts, same
from .expressions import MAX_LENGTH
from .fields import Fields
from .models import (
    DnsRecord,
    IngressRule,
    Observation,
    Rule,
    Ruleset,
    TunnelConfiguration,
    name_matches,
)

# How many custom rules a zone may have. Source: developers.cloudflare.com, WAF custom rules.
RULE_QUOTA: Final[Mapping[str, int]] = {
    "free": 5,
    "pro": 20,
    "business": 100,
    "enterprise": 1000,
}

_CATCH_ALL: Final[Mapping[str, Any]] = {"service": "http_status:404"}
_ADDRESS_TYPES: Final = frozenset({"A", "AAAA", "CNAME"})


class Kind(StrEnum):
    """What a step is about, in the order of a build-up."""

    BLOCK_RULE = "block_rule"
    ASSOCIATION = "association"
    SKIP_RULE = "skip_rule"
    INGRESS = "ingress"
    DNS_RECORD = "dns_record"


class Action(StrEnum):
    """What a step does to it."""

    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True)
class RuleStep:
    """Write, move or delete one of our rules.

    Before is the ref of the rule that it must stand ahead of; None means first of all.
    """

    kind: Kind
    action: Action
    target: str
    rule: DesiredRule | None = None
    before: str | None = None

    @property
    def detail(self) -> str:
        """Return the rule's expression."""
        return self.rule.expression if self.rule else ""


@dataclass(frozen=True, kw_only=True)
class AssociationStep:
    """Ask visitors of a hostname for a client certificate, or stop asking."""

    action: Action
    target: str
    kind: Kind = Kind.ASSOCIATION
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class IngressStep:
    """Have a tunnel serve a hostname, or stop serving it."""

    action: Action
    target: str
    tunnel_id: str
    service: str
    exempt_paths: tuple[str, ...] = ()
    kind: Kind = Kind.INGRESS

    @property
    def detail(self) -> str:
        """Return the origin's address."""
        return self.service


@dataclass(frozen=True, kw_only=True)
class RecordStep:
    """Lead a hostname to a tunnel, or nowhere."""

    action: Action
    target: str
    tunnel_id: str
    exempt_paths: tuple[str, ...] = ()
    kind: Kind = Kind.DNS_RECORD

    @property
    def detail(self) -> str:
        """Return where the record leads."""
        return record_content(self.tunnel_id)


type Step = RuleStep | AssociationStep | IngressStep | RecordStep


class ProblemCode(StrEnum):
    """Why a plan stops short of what is desired."""

    RECORD_IN_THE_WAY = "record_in_the_way"
    NO_FREE_RULE = "no_free_rule"
    EXPRESSION_TOO_LONG = "expression_too_long"
    TUNNEL_MANAGED_LOCALLY = "tunnel_managed_locally"
    WOULD_EXPOSE = "would_expose"


_ZONE_PROBLEMS: Final = frozenset({ProblemCode.NO_FREE_RULE})


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that only a person can solve."""

    code: ProblemCode
    target: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """A request that gets in without a good certificate, and the rule that lets it."""

    hostname: str
    revoked: bool
    through: Rule | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Ordered steps that remove drift; no prefix of them opens a hostname."""

    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = ()
    exposures: tuple[Exposure, ...] = ()

    @property
    def in_sync(self) -> bool:
        """Tell whether nothing is left to do, by us or by a person."""
        return not self.steps and not self.problems and not self.exposures

    def drifted(self, hostname: str) -> bool:
        """Tell whether something that concerns this hostname is not as it must be."""
        return not self.limited_to({hostname}).in_sync

    def has_record(self, hostname: str) -> bool:
        """Tell whether the hostname has a DNS record by now, so that it can be visited."""
        return not any(
            isinstance(step, RecordStep)
            and step.action is Action.CREATE
            and step.target == hostname
            for step in self.steps
        )

    def limited_to(self, hostnames: Collection[str]) -> Plan:
        """Return the plan without what concerns other hostnames only.

        Rules are shared, so their steps stay; without the rest no hostname can open.
        """
        if not hostnames:
            return Plan()
        kept = {*hostnames, BLOCK_REF, SKIP_REF}
        return Plan(
            steps=tuple(step for step in self.steps if step.target in kept),
            problems=tuple(
                problem
                for problem in self.problems
                if problem.target in kept or problem.code in _ZONE_PROBLEMS
            ),
            exposures=tuple(
                exposure
                for exposure in self.exposures
                if exposure.hostname in hostnames
            ),
        )


def exposed(
    observation: Observation, hostname: str, exempt_paths: tuple[str, ...] = ()
) -> Exposure | None:
    """Return a request without a good certificate that reaches an origin, if there is one.

    A hostname is exposed when a proxied DNS record and an ingress rule make it reach an
    origin, and some request outside its exempt paths, with no certificate or with a revoked
    one, is not certain to be blocked.
    """
    if not _reaches_origin(observation, hostname):
        return None
    for revoked in (False, True):
        requests = Requests(
            host=HostForms(hostname),
            verified=revoked,
            revoked=revoked,
            exempt_paths=exempt_paths,
        )
        blocked, through = _verdict(observation.ruleset, requests)
        if not blocked:
            return Exposure(hostname=hostname, revoked=revoked, through=through)
    return None


def make_plan(observation: Observation, desired: DesiredZone) -> Plan:
    """Return the steps from what is observed to what is desired, safe in every prefix.

    Build up: block rule, association, skip rule, ingress, DNS. Tear down: DNS, ingress, skip
    rule, association, block rule; while other hostnames share the rules, these are rewritten
    only once the hostname is off the internet. A hostname that the rules cannot close is
    taken off the internet first.
    """
    desired = _with_neighbours(observation, desired)
    draft = _Draft(observation, desired)
    exposures = tuple(
        draft.exposures[item.hostname]
        for item in desired.hostnames
        if item.hostname in draft.exposures
    )
    draft.write()
    if still_open := draft.open:
        draft = _Draft(observation, desired)
        draft.close(still_open)
        draft.write()
    return Plan(
        steps=tuple(draft.steps), problems=tuple(draft.problems), exposures=exposures
    )


def advance(observation: Observation, step: Step) -> Observation:
    """Return what will be observed once the step is done."""
    match step:
        case RuleStep():
            return replace(observation, ruleset=_rules_after(observation.ruleset, step))
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


def associations_after(
    hostnames: tuple[str, ...], step: AssociationStep
) -> tuple[str, ...]:
    """Return the whole list of associated hostnames once the step is done, order kept."""
    if step.action is Action.DELETE:
        return tuple(name for name in hostnames if name.lower() != step.target)
    if step.target in (name.lower() for name in hostnames):
        return hostnames
    return (*hostnames, step.target)


def ingress_after(
    configuration: TunnelConfiguration, step: IngressStep
) -> dict[str, Any]:
    """Return the whole configuration once the step is done, all that is foreign as it came.

    A new rule takes the origin settings of a rule that already serves the same origin, and
    stands ahead of any wildcard: the first match wins.
    """
    own = configuration.rule_for(step.target)
    others = [rule for rule in configuration.ingress if rule is not own]
    rules = [dict(rule.raw) for rule in others]
    if step.action is not Action.DELETE:
        place = next(
            (
                place
                for place, rule in enumerate(others)
                if rule.path is None and rule.matches(step.target)
            ),
            len(others),
        )
        rules.insert(place, _ingress_rule(configuration, own, step))
        if not configuration.has_catch_all:
            rules.append(dict(_CATCH_ALL))
    return {**configuration.raw, "ingress": rules}


def record_body(step: RecordStep) -> dict[str, Any]:
    """Return the DNS record of the step as the API takes it; the comment marks it as ours."""
    return {
        "type": "CNAME",
        "name": step.target,
        "content": record_content(step.tunnel_id),
        "proxied": True,
        "ttl": 1,
        "comment": RECORD_COMMENT,
    }


def address_record(records: tuple[DnsRecord, ...], hostname: str) -> DnsRecord | None:
    """Return the record that says where exactly this hostname leads."""
    return next(
        (
            record
            for record in records
            if record.name == hostname and record.type in _ADDRESS_TYPES
        ),
        None,
    )


class _Draft:
    """A plan in the making: takes a step only if it opens nothing."""

    def __init__(self, observation: Observation, desired: DesiredZone) -> None:
        self._state = observation
        self._desired = desired
        own = {
            item.hostname: item.exempt_paths
            for item in (*desired.hostnames, *desired.removed)
        }
        self._exempt_paths = {**desired.neighbours, **own}
        self.steps: list[Step] = []
        self.problems: list[Problem] = []
        self.exposures = self._exposures(observation, self._exempt_paths)

    @property
    def open(self) -> frozenset[str]:
        """Return the hostnames that are exposed once the steps so far are done."""
        return frozenset(self.exposures)

    def write(self) -> None:
        """Add everything that removes drift."""
        unpublished = [item for item in self._desired.hostnames if not item.published]
        for item in (*self._desired.removed, *unpublished):
            self._take_down(item)
        if self._desired.block:
            self._build_up()
        else:
            self._tear_down_rules()

    def close(self, hostnames: frozenset[str]) -> None:
        """Take hostnames off the internet."""
        for item in self._desired.hostnames:
            if item.hostname in hostnames:
                self._take_down(item)

    def _build_up(self) -> None:
        if self._desired.skip is None:
            # It may make room for the block rule.
            self._write_rule(Kind.SKIP_RULE, SKIP_REF, None)
        self._write_rule(Kind.BLOCK_RULE, BLOCK_REF, self._block())
        for item in self._desired.hostnames:
            self._associate(item)
        self._write_rule(Kind.SKIP_RULE, SKIP_REF, self._desired.skip)
        for item in self._desired.removed:
            self._dissociate(item)
        published = [item for item in self._desired.hostnames if item.published]
        for item in published:
            self._serve(item)
        for item in published:
            self._publish(item)

    def _block(self) -> DesiredRule | None:
        """Return the block rule; what it may not release yet stays in it."""
        rule = self._desired.block
        step = RuleStep(
            kind=Kind.BLOCK_RULE, action=Action.UPDATE, target=BLOCK_REF, rule=rule
        )
        if self._state.ruleset.by_ref(BLOCK_REF) is None:
            return rule
        held = self._opened_by(step)
        for hostname in sorted(held):
            self._problem(ProblemCode.WOULD_EXPOSE, hostname, step.kind)
        paths = {hostname: self._exempt_paths[hostname] for hostname in held}
        neighbours = {**self._desired.neighbours, **paths}
        return replace(self._desired, neighbours=neighbours).block

    def _tear_down_rules(self) -> None:
        self._write_rule(Kind.SKIP_RULE, SKIP_REF, None)
        for item in self._desired.removed:
            self._dissociate(item)
        self._write_rule(Kind.BLOCK_RULE, BLOCK_REF, None)

    def _take_down(self, item: ProtectedHostname) -> None:
        steps: list[Step] = []
        record = address_record(self._state.records, item.hostname)
        if record and record.comment == RECORD_COMMENT:
            steps.append(
                RecordStep(
                    action=Action.DELETE,
                    target=item.hostname,
                    tunnel_id=record.tunnel_id or item.tunnel_id,
                )
            )
        configuration = self._state.configurations.get(item.tunnel_id)
        own = configuration.rule_for(item.hostname) if configuration else None
        # Behind somebody else's record it is somebody else's too, though it looks like ours.
        is_ours = record is None or record.comment == RECORD_COMMENT
        if own and own.service == item.service and is_ours:
            steps.append(
                IngressStep(
                    action=Action.DELETE,
                    target=item.hostname,
                    tunnel_id=item.tunnel_id,
                    service=item.service,
                )
            )
        if steps and self._opened_by(steps[0]):
            # Our record hides a wildcard that would take over.
            steps.reverse()
        for step in steps:
            self._add(step)

    def _write_rule(self, kind: Kind, ref: str, rule: DesiredRule | None) -> None:
        existing = self._state.ruleset.by_ref(ref)
        if rule is None:
            if existing:
                self._add(RuleStep(kind=kind, action=Action.DELETE, target=ref))
            return
        if len(rule.expression) > MAX_LENGTH:
            self._problem(
                ProblemCode.EXPRESSION_TOO_LONG, ref, str(len(rule.expression))
            )
            return
        before = self._place(ref)
        if existing is None:
            if self._rules_are_full():
                return
            self._add(
                RuleStep(
                    kind=kind,
                    action=Action.CREATE,
                    target=ref,
                    rule=rule,
                    before=before,
                )
            )
            return
        if differs(existing, rule):
            self._add(RuleStep(kind=kind, action=Action.UPDATE, target=ref, rule=rule))
        if not _in_place(self._state.ruleset, ref):
            self._add(
                RuleStep(kind=kind, action=Action.MOVE, target=ref, before=before)
            )

    def _place(self, ref: str) -> str | None:
        """Return the rule that this one stands ahead of: skip goes directly before block."""
        if ref == SKIP_REF and self._state.ruleset.by_ref(BLOCK_REF):
            return BLOCK_REF
        return None

    def _rules_are_full(self) -> bool:
        rules = self._state.ruleset.rules
        plan = self._state.zone.plan
        if len(rules) < RULE_QUOTA.get(plan, RULE_QUOTA["free"]):
            return False
        occupants = ", ".join(rule.description or rule.id for rule in rules)
        self._problem(ProblemCode.NO_FREE_RULE, self._state.zone.name, occupants)
        return True

    def _associate(self, item: ProtectedHostname) -> None:
        if item.hostname not in (name.lower() for name in self._state.associations):
            self._add(AssociationStep(action=Action.CREATE, target=item.hostname))

    def _dissociate(self, item: ProtectedHostname) -> None:
        if item.hostname in (name.lower() for name in self._state.associations):
            self._add(AssociationStep(action=Action.DELETE, target=item.hostname))

    def _serve(self, item: ProtectedHostname) -> None:
        configuration = self._state.configurations.get(item.tunnel_id)
        if configuration is None:
            self._problem(
                ProblemCode.TUNNEL_MANAGED_LOCALLY, item.hostname, item.tunnel_id
            )
            return
        own = configuration.rule_for(item.hostname)
        if own and own.service == item.service and not _shadowed(configuration, own):
            return
        self._lead(
            IngressStep(
                action=Action.UPDATE if own else Action.CREATE,
                target=item.hostname,
                tunnel_id=item.tunnel_id,
                service=item.service,
                exempt_paths=item.exempt_paths,
            )
        )

    def _publish(self, item: ProtectedHostname) -> None:
        record = address_record(self._state.records, item.hostname)
        if record and record.proxied and record.tunnel_id == item.tunnel_id:
            return
        if record and record.comment != RECORD_COMMENT:
            self._problem(ProblemCode.RECORD_IN_THE_WAY, item.hostname, record.content)
            return
        if item.tunnel_id not in self._state.configurations:
            return
        self._lead(
            RecordStep(
                action=Action.UPDATE if record else Action.CREATE,
                target=item.hostname,
                tunnel_id=item.tunnel_id,
                exempt_paths=item.exempt_paths,
            )
        )

    def _lead(self, step: IngressStep | RecordStep) -> None:
        """Add a step that leads to a hostname, unless it is open in spite of the rules."""
        if step.target not in self.open:
            self._add(step)

    def _add(self, step: Step) -> None:
        for hostname in sorted(opened := self._opened_by(step)):
            self._problem(ProblemCode.WOULD_EXPOSE, hostname, step.kind)
        if not opened:
            touched = self._touched_by(step)
            self._state = advance(self._state, step)
            untouched = {
                hostname: exposure
                for hostname, exposure in self.exposures.items()
                if hostname not in touched
            }
            self.exposures = untouched | self._exposures(self._state, touched)
            self.steps.append(step)

    def _opened_by(self, step: Step) -> frozenset[str]:
        """Return the hostnames that the step would newly expose."""
        after = advance(self._state, step)
        exposures = self._exposures(after, self._touched_by(step))
        return frozenset(exposures) - self.open

    def _touched_by(self, step: Step) -> frozenset[str]:
        """Return the hostnames whose exposure the step can change."""
        match step:
            case AssociationStep():
                return frozenset()
            case IngressStep() | RecordStep():
                return frozenset({step.target})
            case RuleStep():
                return frozenset(self._exempt_paths)

    def _problem(self, code: ProblemCode, target: str, detail: str) -> None:
        problem = Problem(code=code, target=target, detail=detail)
        if problem not in self.problems:
            self.problems.append(problem)

    def _exposures(
        self, state: Observation, hostnames: Iterable[str]
    ) -> dict[str, Exposure]:
        return {
            hostname: exposure
            for hostname in hostnames
            if (exposure := exposed(state, hostname, self._exempt_paths[hostname]))
        }


def _with_neighbours(observation: Observation, desired: DesiredZone) -> DesiredZone:
    """Return what is desired with the hostnames of other Home Assistants in the same rules.

    Their DNS records carry the comment too, so they are known even where the rule is gone.
    """
    ours = {item.hostname for item in (*desired.hostnames, *desired.removed)}
    marked = [
        item.name for item in observation.records if item.comment == RECORD_COMMENT
    ]
    found = dict.fromkeys(marked, ()) | _named_hosts(observation, BLOCK_REF)
    neighbours = {
        hostname: exempt_paths
        for hostname, exempt_paths in found.items()
        if hostname not in ours and in_zone(hostname, observation.zone)
    }
    skipping = _named_hosts(observation, SKIP_REF).keys() & neighbours.keys()
    return replace(
        desired, neighbours=neighbours, skipping_neighbours=frozenset(skipping)
    )


def _named_hosts(observation: Observation, ref: str) -> dict[str, tuple[str, ...]]:
    rule = observation.ruleset.by_ref(ref)
    return named_hosts(rule.expression) if rule else {}


def _reaches_origin(observation: Observation, hostname: str) -> bool:
    records = [
        record for record in observation.records if record.type in _ADDRESS_TYPES
    ]
    exact = [record for record in records if record.name == hostname]
    wildcard = [record for record in records if name_matches(record.name, hostname)]
    return any(
        record.proxied and _is_served(observation, record, hostname)
        for record in exact or wildcard
    )


def _is_served(observation: Observation, record: DnsRecord, hostname: str) -> bool:
    """Tell whether what the record leads to may answer; only a known tunnel can say no."""
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


def _verdict(ruleset: Ruleset, requests: Requests) -> tuple[bool, Rule | None]:
    """Return whether all the requests are blocked, and else which rule lets some past.

    A challenge counts for nothing: who solves it goes on to the next rule.
    """
    for rule in ruleset.rules:
        if not rule.enabled:
            continue
        truth = evaluate(rule.expression, requests)
        if rule.action == "block" and truth is True:
            return True, None
        if truth is not False and _ends_the_rules(rule):
            return False, rule
    return False, None


def _ends_the_rules(rule: Rule) -> bool:
    """Tell whether requests that the rule matches meet no later rule.

    Source: developers.cloudflare.com, WAF custom rules, skip options.
    """
    return rule.action == "skip" and "current" in (
        rule.action_parameters.get("ruleset"),
        rule.action_parameters.get("phase"),
    )


def _in_place(ruleset: Ruleset, ref: str) -> bool:
    refs = [rule.ref for rule in ruleset.rules]
    place = refs.index(ref)
    if ref == SKIP_REF:
        return BLOCK_REF not in refs or refs[place + 1 : place + 2] == [BLOCK_REF]
    return not any(
        rule.enabled and rule.action == "skip" and rule.ref != SKIP_REF
        for rule in ruleset.rules[:place]
    )


def differs(rule: Rule, desired: DesiredRule) -> bool:
    """Tell whether an observed rule does something else than it must."""
    return not (
        rule.enabled
        and rule.action == desired.action
        and same(rule.expression, desired.expression)
        and _unordered(rule.action_parameters) == _unordered(desired.action_parameters)
    )


def _unordered(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: sorted(value, key=repr) if isinstance(value, list) else value
        for key, value in parameters.items()
    }


def _rules_after(ruleset: Ruleset, step: RuleStep) -> Ruleset:
    own = ruleset.by_ref(step.target)
    others = [rule for rule in ruleset.rules if rule is not own]
    match step.action:
        case Action.DELETE:
            return replace(ruleset, rules=tuple(others))
        case Action.UPDATE if own and step.rule:
            changed = _observed_rule(own.id, step.rule)
            return replace(
                ruleset,
                rules=tuple(changed if rule is own else rule for rule in ruleset.rules),
            )
        case _:
            moved = _observed_rule("", step.rule) if step.rule else own
            refs = [rule.ref for rule in others]
            place = refs.index(step.before) if step.before else 0
            rules = (*others[:place], *((moved,) if moved else ()), *others[place:])
            return replace(ruleset, rules=rules)


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
    if step.action is Action.DELETE:
        return others
    body = record_body(step)
    return (
        *others,
        DnsRecord(
            id=own.id if own else "",
            name=step.target,
            type=body["type"],
            content=body["content"],
            proxied=body["proxied"],
            comment=body["comment"],
        ),
    )


def _ingress_rule(
    configuration: TunnelConfiguration, own: IngressRule | None, step: IngressStep
) -> dict[str, Any]:
    if own:
        return {**own.raw, "service": step.service}
    rule: dict[str, Any] = {"hostname": step.target, "service": step.service}
    for sibling in configuration.ingress:
        if sibling.service == step.service and "originRequest" in sibling.raw:
            return {**rule, "originRequest": sibling.raw["originRequest"]}
    return rule


def _shadowed(configuration: TunnelConfiguration, own: IngressRule) -> bool:
    """Tell whether an earlier rule takes all that is meant for this one."""
    for rule in configuration.ingress:
        if rule is own:
            return False
        if rule.path is None and own.hostname and rule.matches(own.hostname):
            return True
    return False
