"""The one place that writes to Cloudflare: step by step, the least, each one confirmed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from .client import EdgeClient
from .credentials import CertificateFacts, SigningRequest, read_certificates
from .errors import Conflict, EdgeError, Unavailable
from .exposure import exposed
from .models import ClientCertificate, Observation
from .plan import Plan, differs
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

type RunBlocking = Callable[..., Awaitable[Any]]

# A new certificate takes up to a minute to appear in the list.
_SEARCH_PAUSES: Final = (0, 2, 5, 10, 20, 25)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How far a plan came; where it stopped, everything later was left as it was.

    What is there now is what Cloudflare answered to each write; after an error nobody knows.
    """

    applied: tuple[Step, ...]
    error: EdgeError | None
    observation: Observation


async def apply_plan(
    client: EdgeClient, observation: Observation, plan: Plan
) -> Outcome:
    """Take the plan's steps in order, and stop at the first that fails.

    Lists and tunnel configurations are read again immediately before they are written, and
    what Cloudflare answers is checked: somebody else may write at the same time. A step that
    failed without a clear answer is not repeated here; the next plan begins by looking.
    """
    writer = _Writer(client, observation)
    applied: list[Step] = []
    error: EdgeError | None = None
    for step in plan.steps:
        try:
            await writer.write(step)
        except EdgeError as err:
            error = err
            break
        applied.append(step)
    return Outcome(applied=tuple(applied), error=error, observation=writer.state)


async def issue_certificate(
    client: EdgeClient,
    zone_id: str,
    request: SigningRequest,
    validity_days: int,
    run_blocking: RunBlocking,
) -> tuple[ClientCertificate, CertificateFacts]:
    """Have Cloudflare sign the request once, even when its answer gets lost.

    Returns the certificate and what it says of itself. Raises EdgeError; Conflict when
    Cloudflare returns a certificate for another key.
    """
    try:
        certificate = await client.create_client_certificate(
            zone_id, request.csr, validity_days
        )
        facts = await run_blocking(CertificateFacts.read, certificate.pem)
    except Unavailable:
        return await _find_certificate(client, zone_id, request, run_blocking)
    if facts.public_key != request.public_key:
        raise Conflict(None, "the certificate is for another key")
    return certificate, facts


async def _find_certificate(
    client: EdgeClient, zone_id: str, request: SigningRequest, run_blocking: RunBlocking
) -> tuple[ClientCertificate, CertificateFacts]:
    """Return the certificate that was signed although nobody said so."""
    for pause in _SEARCH_PAUSES:
        await asyncio.sleep(pause)
        try:
            certificates = await client.client_certificates(zone_id)
        except Unavailable:
            continue
        if found := await run_blocking(_matching, certificates, request):
            return cast("tuple[ClientCertificate, CertificateFacts]", found)
    raise Unavailable("no certificate was signed")


def _matching(
    certificates: tuple[ClientCertificate, ...], request: SigningRequest
) -> tuple[ClientCertificate, CertificateFacts] | None:
    for certificate, facts in read_certificates(certificates):
        if facts.public_key == request.public_key:
            return certificate, facts
    return None


class _Writer:
    """Writes one step after the other, and keeps what each answer told."""

    def __init__(self, client: EdgeClient, observation: Observation) -> None:
        self._client = client
        self.state = observation

    async def write(self, step: Step) -> None:
        match step:
            case RuleStep():
                await self._write_rule(step)
            case AssociationStep():
                await self._write_association(step)
            case IngressStep():
                self._refuse_to_open(step)
                await self._write_ingress(step)
            case RecordStep():
                self._refuse_to_open(step)
                await self._write_record(step)

    def _refuse_to_open(self, step: IngressStep | RecordStep) -> None:
        """Judge a step once more, by what is known by now of other writers' rules."""
        after = advance(self.state, step)
        if exposed(after, step.target, step.admission) and not exposed(
            self.state, step.target, step.admission
        ):
            raise Conflict(None, "another custom rule lets everybody in")

    async def _write_rule(self, step: RuleStep) -> None:
        zone_id, ruleset = self.state.zone.id, self.state.ruleset
        own, ruleset_id = step.found_in(ruleset), ruleset.id
        body = step.rule.body() if step.rule else {}
        if step.action in (Action.CREATE, Action.MOVE):
            body["position"] = self._position(step)
        match step.action:
            case Action.DELETE | Action.DISCARD if own and ruleset_id:
                ruleset = await self._client.delete_rule(zone_id, ruleset_id, own.id)
            case Action.CREATE if ruleset_id:
                ruleset = await self._client.create_rule(zone_id, ruleset_id, body)
            case Action.CREATE if step.rule:
                ruleset = await self._client.create_ruleset(zone_id, step.rule.body())
            case Action.UPDATE | Action.MOVE | Action.ADOPT if own and ruleset_id:
                ruleset = await self._client.edit_rule(
                    zone_id, ruleset_id, own.id, body
                )
        self.state = replace(self.state, ruleset=ruleset)
        written = ruleset.by_ref(step.target)
        gone = step.action in (Action.DELETE, Action.DISCARD)
        _confirm((written is None) == gone)
        _confirm(not (written and step.rule) or not differs(written, step.rule))

    def _position(self, step: RuleStep) -> dict[str, str]:
        before = self.state.ruleset.by_ref(step.before) if step.before else None
        return {"before": before.id if before else ""}

    async def _write_association(self, step: AssociationStep) -> None:
        zone_id = self.state.zone.id
        present = await self._client.hostname_associations(zone_id)
        wanted = associations_after(present, step)
        self.state = replace(self.state, associations=present)
        if wanted == present:
            return
        written = await self._client.put_hostname_associations(
            zone_id, wanted, replacing=present
        )
        self.state = replace(self.state, associations=written)
        _confirm(set(written) == set(wanted))

    async def _write_ingress(self, step: IngressStep) -> None:
        account_id = self.state.zone.account.id
        present = await self._client.tunnel_configuration(account_id, step.tunnel_id)
        if present is None:
            raise Conflict(None, "the tunnel is managed locally")
        wanted = ingress_after(present, step)
        if wanted != present.raw:
            present = await self._client.put_tunnel_configuration(
                account_id, step.tunnel_id, wanted
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
        if step.action is Action.DELETE:
            if own:
                await self._client.delete_dns_record(zone_id, own.id)
        elif own:
            changed = await self._client.edit_dns_record(zone_id, own.id, body)
            kept = (*kept, changed)
        else:
            kept = (*kept, await self._client.create_dns_record(zone_id, body))
        self.state = replace(self.state, records=kept)


def _confirm(holds: bool) -> None:
    """Raise Unavailable when Cloudflare's answer does not show what was written."""
    if not holds:
        raise Unavailable("the change did not take effect")
