"""Writes a plan to Cloudflare, the only place that does: one step after the other, each checked."""

import asyncio
from collections.abc import Iterable, Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from ..api.client import CloudflareClient
from ..api.errors import (
    Conflict,
    EngineError,
    RateLimited,
    TokenRejected,
    expect_agreement,
)
from ..api.models import Observation, Rule, Ruleset
from ..rules.exposure import exposed
from ..rules.marks import RECORD_COMMENT
from ..rules.recognition import with_marks
from .apply_header import apply_header_step
from .plan import Plan
from .steps import (
    Action,
    AssociationStep,
    HeaderRuleStep,
    IngressStep,
    RecordStep,
    RuleStep,
    Step,
    address_record,
    advance,
    associations_after,
    ingress_after,
    record_body,
)

# They would meet every other write too.
_FOR_ALL: Final = (RateLimited, TokenRejected)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How far a plan came; everything after the step that stopped it was left as it was.

    The observation is what Cloudflare answered to each write; after an error, nobody knows
    whether the last write took effect. What kept the header rule from being written stopped
    nothing else.

    stuck_at: the hostname that alone is concerned by the step that failed; None where rules are, or
        where Cloudflare takes no further write.
    """

    applied: tuple[Step, ...]
    error: EngineError | None
    header_error: EngineError | None
    observation: Observation
    stuck_at: str | None = None


async def apply_plan(
    client: CloudflareClient, observation: Observation, plan: Plan
) -> Outcome:
    """Take the plan's steps in order, and stop at the first that fails.

    Somebody else may write at the same time, and an answer may be wrong. Therefore:

    - a list that is written as a whole is read again immediately before, and accepted only if
      it is unchanged, or the same twice; what was read a minute before is kept in it;
    - a rule is changed only in a zone that is still as it was planned for;
    - nothing leads to a hostname before the rules were read again;
    - a record is marked or deleted only if it is still as it was planned for;
    - every answer to a write is checked.

    A step that failed without a clear answer is not repeated here: the next plan begins with
    another look.
    """
    writer = _Writer(client, observation)
    steps = [step for step in plan.steps if not isinstance(step, HeaderRuleStep)]
    header_steps = [step for step in plan.steps if isinstance(step, HeaderRuleStep)]
    applied: list[Step] = []
    error: EngineError | None = None
    stuck_at: str | None = None
    for step, following in zip_longest(steps, steps[1:]):
        try:
            if _can_read_ahead(step, following):
                await writer.write_and_read_associations(step)
            elif following is None:
                await writer.write_last(step, header_steps)
            else:
                await writer.write(step)
        except EngineError as err:
            error = err
            if not isinstance(step, RuleStep) and not isinstance(err, _FOR_ALL):
                stuck_at = step.target
            break
        applied.append(step)
    if not steps:
        await writer.write_header_rule(header_steps)
    return Outcome(
        applied=(*applied, *writer.applied_to_headers),
        error=error,
        header_error=writer.header_error,
        observation=writer.observation,
        stuck_at=stuck_at,
    )


def _can_read_ahead(step: Step, following: Step | None) -> bool:
    """Return whether the following step's list can be read while this step is written."""
    return (
        isinstance(step, RuleStep)
        and step.action is Action.CREATE
        and isinstance(following, AssociationStep)
    )


class _Writer:
    """Writes one step after the other, and keeps the state that each answer shows."""

    def __init__(self, client: CloudflareClient, observation: Observation) -> None:
        self._client = client
        self.state = observation
        self._header_rules = observation.header_rules
        self.header_error: EngineError | None = None
        self.applied_to_headers: list[HeaderRuleStep] = []
        self._associations: tuple[str, ...] | None = None
        self._as_planned = True

    @property
    def observation(self) -> Observation:
        """Return all that the answers showed."""
        return replace(self.state, header_rules=self._header_rules)

    async def write_last(
        self, step: Step, header_steps: Iterable[HeaderRuleStep]
    ) -> None:
        """Take the last step and, to save a round trip, write the header rule meanwhile."""
        await self._look_before(step)
        results = await asyncio.gather(
            self._carry_out(step),
            self.write_header_rule(header_steps),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def write_header_rule(self, steps: Iterable[HeaderRuleStep]) -> None:
        """Write the header rule; what keeps it from being written stops nothing."""
        for step in steps:
            try:
                self._header_rules = await apply_header_step(
                    self._client, self.observation, step
                )
            except EngineError as err:
                self.header_error = err
            else:
                self.applied_to_headers.append(step)

    async def write_and_read_associations(self, step: Step) -> None:
        """Take a step and, to save a round trip, read meanwhile the list that the next changes."""
        written, associations = await asyncio.gather(
            self.write(step), self._read_associations(), return_exceptions=True
        )
        if isinstance(written, BaseException):
            raise written
        # If the list could not be read now, the next step reads it.
        self._associations = associations if isinstance(associations, tuple) else None

    async def write(self, step: Step) -> None:
        """Take a step; raise EngineError, Conflict where it would not be safe any more."""
        await self._look_before(step)
        await self._carry_out(step)

    async def _look_before(self, step: Step) -> None:
        """Look again at what a step rests on; raise Conflict where it would not be safe any more."""
        match step:
            case RuleStep(action=Action.CREATE):
                pass
            case RuleStep():
                await self._expect_no_change()
            case IngressStep() | RecordStep(action=Action.CREATE | Action.UPDATE):
                await self._look_before_publishing(step)
            case RecordStep():
                await self._expect_same_record(step)

    async def _carry_out(self, step: Step) -> None:
        match step:
            case RuleStep():
                await self._write_rule(step)
            case AssociationStep():
                await self._write_association(step)
            case IngressStep():
                await self._write_ingress(step)
            case RecordStep():
                await self._write_record(step)

    async def _expect_no_change(self) -> None:
        """Raise Conflict unless the zone is still as the plan was made for."""
        seen = await self._look(self.state.configurations.keys())
        if not self._as_planned or not _is_same(seen, self.state):
            raise Conflict(None, "somebody else changed the zone at the same time")

    async def _expect_same_record(self, step: RecordStep) -> None:
        """Raise Conflict unless the record is as the plan was made for, or gone as it was to be."""
        records = await self._client.dns.list(self.state.zone.id)
        planned = address_record(self.state.records, step.target)
        seen = address_record(records, step.target)
        if seen != planned and (seen or step.action is Action.MARK):
            raise Conflict(None, "somebody else changed the record at the same time")

    async def _look_before_publishing(self, step: IngressStep | RecordStep) -> None:
        """Look again at all that decides who gets in; raise Conflict rather than expose a hostname."""
        seen = await self._look({step.tunnel_id})
        if not _is_same(seen, self.state):
            self._as_planned = False
            expect_agreement(_is_same(await self._look({step.tunnel_id}), seen))
        self.state = seen
        after = advance(seen, step)
        if exposed(after, step.target, step.admission) and not exposed(
            seen, step.target, step.admission
        ):
            raise Conflict(None, "another custom rule lets everybody in")

    async def _look(self, tunnel_ids: AbstractSet[str]) -> Observation:
        """Return what decides now who reaches a hostname through one of these tunnels."""
        zone = self.state.zone
        ruleset, records, configurations = await asyncio.gather(
            self._client.rulesets.get(zone.id),
            self._client.dns.list(zone.id),
            asyncio.gather(
                *(
                    self._client.tunnels.get_configuration(zone.account.id, tunnel_id)
                    for tunnel_id in tunnel_ids
                )
            ),
        )
        seen = {item.tunnel_id: item for item in configurations if item}
        local = self.state.local_tunnels
        if not local.issuperset(tunnel_ids - seen.keys()):
            raise Conflict(None, "the tunnel is gone or managed locally")
        return replace(
            self.state,
            ruleset=with_marks(ruleset),
            records=records,
            configurations={**self.state.configurations, **seen},
            local_tunnels=local - seen.keys(),
        )

    async def _write_rule(self, step: RuleStep) -> None:
        rulesets, zone_id = self._client.rulesets, self.state.zone.id
        ruleset = self.state.ruleset
        own, ruleset_id = step.found_in(ruleset), ruleset.id
        body = step.rule.body() if step.rule else {}
        if step.action in (Action.CREATE, Action.MOVE):
            body["position"] = self._position(step)
        match step.action:
            case Action.DELETE | Action.DISCARD if own and ruleset_id:
                ruleset = await rulesets.delete_rule(zone_id, ruleset_id, own.id)
            case Action.CREATE if ruleset_id:
                ruleset = await rulesets.create_rule(zone_id, ruleset_id, body)
            case Action.CREATE if step.rule:
                ruleset = await rulesets.create(zone_id, step.rule.body())
            case Action.UPDATE | Action.MOVE | Action.ADOPT if own and ruleset_id:
                ruleset = await rulesets.edit_rule(zone_id, ruleset_id, own.id, body)
        ruleset = with_marks(ruleset)
        if _others(ruleset, step) != _others(self.state.ruleset, step):
            self._as_planned = False
        self.state = replace(self.state, ruleset=ruleset)
        written = ruleset.by_ref(step.target)
        is_gone = step.action in (Action.DELETE, Action.DISCARD)
        expect_agreement((written is None) == is_gone)
        expect_agreement(not (written and step.rule) or step.rule.is_met_by(written))

    def _position(self, step: RuleStep) -> dict[str, str]:
        before = self.state.ruleset.by_ref(step.before) if step.before else None
        return {"before": before.id if before else ""}

    async def _read_associations(self) -> tuple[str, ...]:
        """Return the associated hostnames; a list that changed has to be the same twice."""
        zone_id = self.state.zone.id
        seen = await self._client.hostname_associations.get(zone_id)
        if set(seen) != set(self.state.associations):
            again = await self._client.hostname_associations.get(zone_id)
            expect_agreement(set(again) == set(seen))
        return seen

    async def _write_association(self, step: AssociationStep) -> None:
        zone_id = self.state.zone.id
        present, self._associations = self._associations, None
        if present is None:
            present = await self._read_associations()
        self.state = replace(self.state, associations=present)
        if associations_after(present, step) == present:
            return
        # Somebody's hostname is not lost because this read is older than the one that had it.
        missed = self._client.hostname_associations.missed(zone_id, present)
        wanted = associations_after((*present, *missed), step)
        written = await self._client.hostname_associations.put(
            zone_id, wanted, replacing=present
        )
        self.state = replace(self.state, associations=written)
        expect_agreement(set(written) == set(wanted))

    async def _write_ingress(self, step: IngressStep) -> None:
        present = self.state.configurations[step.tunnel_id]
        wanted = ingress_after(present, step)
        if wanted != present.raw:
            present = await self._client.tunnels.put_configuration(
                self.state.zone.account.id, wanted, replacing=present
            )
        configurations = {**self.state.configurations, step.tunnel_id: present}
        self.state = replace(self.state, configurations=configurations)
        own = present.rule_for(step.target)
        expect_agreement((own is None) == (step.action is Action.DELETE))

    async def _write_record(self, step: RecordStep) -> None:
        dns, zone_id = self._client.dns, self.state.zone.id
        own = address_record(self.state.records, step.target)
        kept = tuple(record for record in self.state.records if record is not own)
        body = record_body(step)
        is_marked = own is not None and own.comment == RECORD_COMMENT
        if own and not is_marked and step.action is not Action.MARK:
            raise Conflict(None, "a DNS record is in the way")
        if step.action is Action.DELETE:
            if own:
                await dns.delete(zone_id, own.id)
        elif own:
            kept = (*kept, await dns.edit(zone_id, own.id, body))
        else:
            kept = (*kept, await dns.create(zone_id, body))
        self.state = replace(self.state, records=kept)


def _others(ruleset: Ruleset, step: RuleStep) -> list[Rule]:
    """Return the rules that a step leaves alone."""
    own = (ruleset.by_ref(step.target), step.found_in(ruleset))
    return [rule for rule in ruleset.rules if rule not in own]


def _is_same(one: Observation, other: Observation) -> bool:
    """Return whether two looks show the same; records have no order."""
    return (
        one.ruleset == other.ruleset
        and set(one.records) == set(other.records)
        and one.configurations == other.configurations
    )
