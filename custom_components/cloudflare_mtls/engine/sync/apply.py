"""The one place that writes to Cloudflare: step by step, the least, each one confirmed."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..api.client import CloudflareClient
from ..api.errors import Conflict, EngineError, Unavailable
from ..api.models import Observation, Rule, Ruleset
from ..rules.exposure import exposed
from ..rules.marks import RECORD_COMMENT
from .plan import Plan
from .steps import (
    Action,
    AssociationStep,
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


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How far a plan came; where it stopped, everything later was left as it was.

    What is there now is what Cloudflare answered to each write; after an error nobody knows.
    """

    applied: tuple[Step, ...]
    error: EngineError | None
    observation: Observation


async def apply_plan(
    client: CloudflareClient, observation: Observation, plan: Plan
) -> Outcome:
    """Take the plan's steps in order, and stop at the first that fails.

    Somebody else may write at the same time, and an answer may be spoilt. So what is written
    as a whole is read again immediately before, and taken only if it is as it was, or twice
    the same; a rule is changed only in a zone that is as it was planned for; nothing leads to
    a hostname before the rules were looked at again; and what Cloudflare answers is checked.
    A step that failed without a clear answer is not repeated here; the next plan begins by
    looking.
    """
    writer = _Writer(client, observation)
    applied: list[Step] = []
    error: EngineError | None = None
    for step, following in zip(plan.steps, (*plan.steps[1:], None), strict=False):
        try:
            await writer.write(step, following)
        except EngineError as err:
            error = err
            break
        applied.append(step)
    return Outcome(applied=tuple(applied), error=error, observation=writer.state)


class _Writer:
    """Writes one step after the other, and keeps what each answer told."""

    def __init__(self, client: CloudflareClient, observation: Observation) -> None:
        self._client = client
        self.state = observation
        self._associations: tuple[str, ...] | None = None
        self._as_planned = True

    async def write(self, step: Step, following: Step | None) -> None:
        """Take a step; while a new rule is made, the list for the next step is read."""
        match step, following:
            case RuleStep(action=Action.CREATE), AssociationStep():
                written, ahead = await asyncio.gather(
                    self._write(step),
                    self._read_associations(),
                    return_exceptions=True,
                )
                if isinstance(written, BaseException):
                    raise written
                # What could not be read now is read when it is needed.
                self._associations = ahead if isinstance(ahead, tuple) else None
            case _:
                await self._write(step)

    async def _write(self, step: Step) -> None:
        match step:
            case RuleStep(action=Action.CREATE):
                await self._write_rule(step)
            case RuleStep():
                await self._expect_no_change()
                await self._write_rule(step)
            case AssociationStep():
                await self._write_association(step)
            case IngressStep():
                await self._look_where_it_leads(step)
                await self._write_ingress(step)
            case RecordStep(action=Action.CREATE | Action.UPDATE):
                await self._look_where_it_leads(step)
                await self._write_record(step)
            case RecordStep():
                await self._write_record(step)

    async def _expect_no_change(self) -> None:
        """Raise Conflict unless the zone is still what the plan was made for."""
        seen = await self._look(self.state.configurations)
        if not self._as_planned or not _alike(seen, self.state):
            raise Conflict(None, "somebody else changed the zone at the same time")

    async def _look_where_it_leads(self, step: IngressStep | RecordStep) -> None:
        """Look again at all that decides who gets in, and refuse to open a hostname."""
        seen = await self._look([step.tunnel_id])
        if not _alike(seen, self.state):
            self._as_planned = False
            _confirm(_alike(await self._look([step.tunnel_id]), seen))
        self.state = seen
        after = advance(seen, step)
        if exposed(after, step.target, step.admission) and not exposed(
            seen, step.target, step.admission
        ):
            raise Conflict(None, "another custom rule lets everybody in")

    async def _look(self, tunnel_ids: Iterable[str]) -> Observation:
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
        if None in configurations:
            raise Conflict(None, "the tunnel is gone or managed locally")
        seen = {item.tunnel_id: item for item in configurations if item}
        return replace(
            self.state,
            ruleset=ruleset,
            records=records,
            configurations={**self.state.configurations, **seen},
        )

    async def _write_rule(self, step: RuleStep) -> None:
        zone_id, ruleset = self.state.zone.id, self.state.ruleset
        own, ruleset_id = step.found_in(ruleset), ruleset.id
        body = step.rule.body() if step.rule else {}
        if step.action in (Action.CREATE, Action.MOVE):
            body["position"] = self._position(step)
        match step.action:
            case Action.DELETE | Action.DISCARD if own and ruleset_id:
                ruleset = await self._client.rulesets.delete_rule(
                    zone_id, ruleset_id, own.id
                )
            case Action.CREATE if ruleset_id:
                ruleset = await self._client.rulesets.create_rule(
                    zone_id, ruleset_id, body
                )
            case Action.CREATE if step.rule:
                ruleset = await self._client.rulesets.create(zone_id, step.rule.body())
            case Action.UPDATE | Action.MOVE | Action.ADOPT if own and ruleset_id:
                ruleset = await self._client.rulesets.edit_rule(
                    zone_id, ruleset_id, own.id, body
                )
        if _others(ruleset, step) != _others(self.state.ruleset, step):
            self._as_planned = False
        self.state = replace(self.state, ruleset=ruleset)
        written = ruleset.by_ref(step.target)
        gone = step.action in (Action.DELETE, Action.DISCARD)
        _confirm((written is None) == gone)
        _confirm(not (written and step.rule) or step.rule.is_met_by(written))

    def _position(self, step: RuleStep) -> dict[str, str]:
        before = self.state.ruleset.by_ref(step.before) if step.before else None
        return {"before": before.id if before else ""}

    async def _read_associations(self) -> tuple[str, ...]:
        zone_id = self.state.zone.id
        seen = await self._client.hostname_associations.get(zone_id)
        if set(seen) != set(self.state.associations):
            again = await self._client.hostname_associations.get(zone_id)
            _confirm(set(again) == set(seen))
        return seen

    async def _write_association(self, step: AssociationStep) -> None:
        zone_id = self.state.zone.id
        present, self._associations = self._associations, None
        if present is None:
            present = await self._read_associations()
        wanted = associations_after(present, step)
        self.state = replace(self.state, associations=present)
        if wanted == present:
            return
        written = await self._client.hostname_associations.put(
            zone_id, wanted, replacing=present
        )
        self.state = replace(self.state, associations=written)
        _confirm(set(written) == set(wanted))

    async def _write_ingress(self, step: IngressStep) -> None:
        present = self.state.configurations[step.tunnel_id]
        wanted = ingress_after(present, step)
        if wanted != present.raw:
            present = await self._client.tunnels.put_configuration(
                self.state.zone.account.id, step.tunnel_id, wanted
            )
        configurations = {**self.state.configurations, step.tunnel_id: present}
        self.state = replace(self.state, configurations=configurations)
        own = present.rule_for(step.target)
        _confirm((own is None) == (step.action is Action.DELETE))

    async def _write_record(self, step: RecordStep) -> None:
        zone_id, records = self.state.zone.id, self.state.records
        own = address_record(records, step.target)
        kept = tuple(record for record in records if record is not own)
        body = record_body(step)
        if own and own.comment != RECORD_COMMENT and step.action is not Action.ADOPT:
            raise Conflict(None, "a DNS record is in the way")
        if step.action is Action.DELETE:
            if own:
                await self._client.dns.delete(zone_id, own.id)
        elif own:
            changed = await self._client.dns.edit(zone_id, own.id, body)
            kept = (*kept, changed)
        else:
            kept = (*kept, await self._client.dns.create(zone_id, body))
        self.state = replace(self.state, records=kept)


def _others(ruleset: Ruleset, step: RuleStep) -> list[Rule]:
    """Return the rules that a step leaves alone."""
    own = (ruleset.by_ref(step.target), step.found_in(ruleset))
    return [rule for rule in ruleset.rules if rule not in own]


def _alike(one: Observation, other: Observation) -> bool:
    """Tell whether the same decides who gets in; records have no order."""
    return (
        one.ruleset == other.ruleset
        and set(one.records) == set(other.records)
        and one.configurations == other.configurations
    )


def _confirm(holds: bool) -> None:
    """Raise Unavailable when Cloudflare's answers do not fit together."""
    if not holds:
        raise Unavailable("the answers contradict each other")
