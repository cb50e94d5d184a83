"""Observed against desired: the steps that make it right (pure)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from ..api.models import IngressRule, Observation, Rule, Ruleset, TunnelConfiguration
from ..rules.admissions import named_hosts
from ..rules.adoption import is_made_by_hand
from ..rules.exposure import Exposure, exposed
from ..rules.expressions import ANY_CERTIFICATE, MAX_LENGTH, Admission
from ..rules.marks import BLOCK_REF, RECORD_COMMENT, SKIP_REF
from ..rules.parser import same
from .desired import DesiredRule, DesiredZone
from .settings import ProtectedHostname, in_zone
from .steps import (
    Action,
    AssociationStep,
    IngressStep,
    Kind,
    RecordStep,
    RuleStep,
    Step,
    address_record,
    advance,
)

# How many custom rules a zone may have. Source: developers.cloudflare.com, WAF custom rules.
RULE_QUOTA: Final[Mapping[str, int]] = {
    "free": 5,
    "pro": 20,
    "business": 100,
    "enterprise": 1000,
}


class ProblemCode(StrEnum):
    """Why a plan stops short of what is desired."""

    RECORD_IN_THE_WAY = "record_in_the_way"
    NO_FREE_RULE = "no_free_rule"
    EXPRESSION_TOO_LONG = "expression_too_long"
    TOO_MANY_PINNED = "too_many_pinned"
    TUNNEL_MANAGED_LOCALLY = "tunnel_managed_locally"
    TUNNEL_GONE = "tunnel_gone"
    WOULD_EXPOSE = "would_expose"


_ZONE_PROBLEMS: Final = frozenset(
    {
        ProblemCode.NO_FREE_RULE,
        ProblemCode.EXPRESSION_TOO_LONG,
        ProblemCode.TOO_MANY_PINNED,
    }
)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that only a person can solve."""

    code: ProblemCode
    target: str
    detail: str


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

    @property
    def takes_over(self) -> bool:
        """Tell whether something that was made by hand becomes ours."""
        return any(step.action.takes_over for step in self.steps)

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
        return Plan(
            steps=tuple(
                step
                for step in self.steps
                if step.target in hostnames or isinstance(step, RuleStep)
            ),
            problems=tuple(
                problem
                for problem in self.problems
                if problem.target in hostnames or problem.code in _ZONE_PROBLEMS
            ),
            exposures=tuple(
                exposure
                for exposure in self.exposures
                if exposure.hostname in hostnames
            ),
        )


def make_plan(observation: Observation, desired: DesiredZone) -> Plan:
    """Return the steps from what is observed to what is desired, safe in every prefix.

    Build up: block rule, association, skip rule, ingress, DNS. Tear down: DNS, ingress, skip
    rule, association, block rule; while other hostnames share the rules, these are rewritten
    only once the hostname is off the internet. A hostname that the rules cannot close is
    taken off the internet first. What was made by hand for our hostnames, and ours replaces,
    becomes ours where that is desired, and else stays.
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


class _Draft:
    """A plan in the making: takes a step only if it opens nothing."""

    def __init__(self, observation: Observation, desired: DesiredZone) -> None:
        self._state = observation
        self._desired = desired
        own = {
            item.hostname: desired.admission(item)
            for item in (*desired.hostnames, *desired.removed)
        }
        self._admissions: dict[str, Admission] = {**desired.neighbours, **own}
        self.steps: list[Step] = []
        self.problems: list[Problem] = []
        self.exposures = self._exposures(observation, self._admissions)

    @property
    def open(self) -> frozenset[str]:
        """Return the hostnames that are exposed once the steps so far are done."""
        return frozenset(self.exposures)

    def write(self) -> None:
        """Add everything that removes drift."""
        unpublished = [item for item in self._desired.hostnames if not item.published]
        for item in (*self._desired.removed, *unpublished):
            for step in self._way_down(item):
                self._add(step)
        if self._desired.block:
            self._build_up()
        else:
            self._tear_down_rules()

    def close(self, hostnames: frozenset[str]) -> None:
        """Take hostnames off the internet, and leave what leads nowhere then."""
        for item in self._desired.hostnames:
            if item.hostname in hostnames:
                for step in self._way_down(item):
                    if item.hostname in self.open:
                        self._add(step)

    def _build_up(self) -> None:
        if self._desired.skip is None:
            # It may make room for the block rule.
            self._write_rule(Kind.SKIP_RULE, SKIP_REF, None)
        self._adopt_rules()
        self._write_rule(Kind.BLOCK_RULE, BLOCK_REF, self._block())
        for item in self._desired.hostnames:
            self._associate(item)
        self._write_rule(Kind.SKIP_RULE, SKIP_REF, self._desired.skip)
        for kind, rule in self._made_by_hand():
            self._add(
                RuleStep(
                    kind=kind, action=Action.DISCARD, target=rule.ref, replaces=rule
                )
            )
        for item in self._desired.removed:
            self._dissociate(item)
        published = [item for item in self._desired.hostnames if item.published]
        for item in published:
            self._serve(item)
        for item in published:
            self._publish(item)
        for item in self._desired.former:
            self._stop_serving(item)

    def _made_by_hand(self) -> list[tuple[Kind, Rule]]:
        """Return the rules that ours replace, and which of ours each of them resembles."""
        if not self._desired.takes_over:
            return []
        hostnames = {item.hostname for item in self._desired.hostnames}
        return [
            (Kind.BLOCK_RULE if rule.action == "block" else Kind.SKIP_RULE, rule)
            for rule in self._state.ruleset.rules
            if is_made_by_hand(rule, hostnames)
        ]

    def _adopt_rules(self) -> None:
        for kind, wanted in (
            (Kind.BLOCK_RULE, self._block()),
            (Kind.SKIP_RULE, self._desired.skip),
        ):
            found = next(
                (rule for of, rule in self._made_by_hand() if of is kind), None
            )
            if (
                wanted
                and found
                and self._state.ruleset.by_ref(wanted.ref) is None
                and len(wanted.expression) <= MAX_LENGTH
            ):
                self._add(
                    RuleStep(
                        kind=kind,
                        action=Action.ADOPT,
                        target=wanted.ref,
                        rule=wanted,
                        replaces=found,
                    )
                )

    def _block(self) -> DesiredRule | None:
        """Return the block rule; what it may not release yet stays in it."""
        rule, existing = self._desired.block, self._state.ruleset.by_ref(BLOCK_REF)
        if rule is None or existing is None or not differs(existing, rule):
            # It releases nothing.
            return rule
        step = RuleStep(
            kind=Kind.BLOCK_RULE, action=Action.UPDATE, target=BLOCK_REF, rule=rule
        )
        held = self._opened_by(step)
        for hostname in sorted(held):
            self._problem(ProblemCode.WOULD_EXPOSE, hostname, step.kind)
        admissions = {hostname: self._admissions[hostname] for hostname in held}
        neighbours = {**self._desired.neighbours, **admissions}
        return replace(self._desired, neighbours=neighbours).block

    def _tear_down_rules(self) -> None:
        self._write_rule(Kind.SKIP_RULE, SKIP_REF, None)
        for item in self._desired.removed:
            self._dissociate(item)
        self._write_rule(Kind.BLOCK_RULE, BLOCK_REF, None)

    def _way_down(self, item: ProtectedHostname) -> list[Step]:
        """Return the steps after which nothing leads to a hostname any more."""
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
        # Behind somebody else's record it is somebody else's too, though it looks like ours.
        if record is None or record.comment == RECORD_COMMENT:
            steps += self._unserved(item)
        if steps and self._opened_by(steps[0]):
            # Our record hides a wildcard that would take over.
            steps.reverse()
        return steps

    def _unserved(self, item: ProtectedHostname) -> list[IngressStep]:
        """Return the step that has the tunnel no longer serve a hostname, if it does."""
        configuration = self._state.configurations.get(item.tunnel_id)
        own = configuration.rule_for(item.hostname) if configuration else None
        if own is None or own.service != item.service:
            return []
        return [
            IngressStep(
                action=Action.DELETE,
                target=item.hostname,
                tunnel_id=item.tunnel_id,
                service=item.service,
            )
        ]

    def _stop_serving(self, item: ProtectedHostname) -> None:
        """Clear up behind a hostname that another tunnel serves by now."""
        tunnels = {
            kept.tunnel_id
            for kept in self._desired.hostnames
            if kept.hostname == item.hostname
        }
        if item.tunnel_id not in tunnels:
            for step in self._unserved(item):
                self._add(step)

    def _write_rule(self, kind: Kind, ref: str, rule: DesiredRule | None) -> None:
        existing = self._state.ruleset.by_ref(ref)
        if rule is None:
            if existing:
                self._add(RuleStep(kind=kind, action=Action.DELETE, target=ref))
            return
        if (length := len(rule.expression)) > MAX_LENGTH:
            pinned = self._desired.pinned
            if pinned is None:
                self._problem(ProblemCode.EXPRESSION_TOO_LONG, ref, str(length))
            else:
                self._problem(
                    ProblemCode.TOO_MANY_PINNED,
                    self._state.zone.name,
                    str(len(pinned)),
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
            is_gone = item.tunnel_id in self._state.gone_tunnels
            self._problem(
                ProblemCode.TUNNEL_GONE
                if is_gone
                else ProblemCode.TUNNEL_MANAGED_LOCALLY,
                item.hostname,
                item.tunnel_id,
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
                admission=self._desired.admission(item),
            )
        )

    def _publish(self, item: ProtectedHostname) -> None:
        record = address_record(self._state.records, item.hostname)
        if record and record.proxied and record.tunnel_id == item.tunnel_id:
            if self._desired.takes_over and record.comment != RECORD_COMMENT:
                self._add(
                    RecordStep(
                        action=Action.ADOPT,
                        target=item.hostname,
                        tunnel_id=item.tunnel_id,
                    )
                )
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
                admission=self._desired.admission(item),
            )
        )

    def _lead(self, step: IngressStep | RecordStep) -> None:
        """Add a step that leads to a hostname, unless it is open in spite of the rules."""
        if step.target not in self.open:
            self._add(step)

    def _add(self, step: Step) -> None:
        after = advance(self._state, step)
        exposures = self._exposures_in(after, step)
        for hostname in sorted(opened := exposures.keys() - self.open):
            self._problem(ProblemCode.WOULD_EXPOSE, hostname, step.kind)
        if not opened:
            self._state, self.exposures = after, exposures
            self.steps.append(step)

    def _opened_by(self, step: Step) -> frozenset[str]:
        """Return the hostnames that the step would newly expose."""
        after = advance(self._state, step)
        return frozenset(self._exposures_in(after, step)) - self.open

    def _exposures_in(self, after: Observation, step: Step) -> dict[str, Exposure]:
        """Return who gets in where once the step is done."""
        touched = self._touched_by(step)
        untouched = {
            hostname: exposure
            for hostname, exposure in self.exposures.items()
            if hostname not in touched
        }
        return untouched | self._exposures(after, touched)

    def _touched_by(self, step: Step) -> frozenset[str]:
        """Return the hostnames whose exposure the step can change."""
        match step:
            case AssociationStep():
                return frozenset()
            case IngressStep() | RecordStep():
                return frozenset({step.target})
            case RuleStep():
                return frozenset(self._admissions)

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
            if (exposure := exposed(state, hostname, self._admissions[hostname]))
        }


def _with_neighbours(observation: Observation, desired: DesiredZone) -> DesiredZone:
    """Return what is desired with the hostnames of other Home Assistants in the same rules.

    Their DNS records carry the comment too, so they are known even where the rule is gone.
    """
    ours = {item.hostname for item in (*desired.hostnames, *desired.removed)}
    marked = [
        item.name for item in observation.records if item.comment == RECORD_COMMENT
    ]
    found = dict.fromkeys(marked, ANY_CERTIFICATE) | _named_hosts(
        observation, BLOCK_REF
    )

    def of_others(hosts: Mapping[str, Admission]) -> dict[str, Admission]:
        return {
            hostname: admission
            for hostname, admission in hosts.items()
            if hostname not in ours and in_zone(hostname, observation.zone)
        }

    neighbours = of_others(found)
    skipping = of_others(_named_hosts(observation, SKIP_REF))
    return replace(
        desired,
        neighbours=neighbours,
        skipping_neighbours=skipping
        | {key: item for key, item in neighbours.items() if key in skipping},
    )


def _named_hosts(observation: Observation, ref: str) -> dict[str, Admission]:
    rule = observation.ruleset.by_ref(ref)
    return named_hosts(rule.expression) if rule else {}


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


def _shadowed(configuration: TunnelConfiguration, own: IngressRule) -> bool:
    """Tell whether an earlier rule takes all that is meant for this one."""
    for rule in configuration.ingress:
        if rule is own:
            return False
        if rule.path is None and own.hostname and rule.matches(own.hostname):
            return True
    return False
