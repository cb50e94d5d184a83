"""The one place that writes to Cloudflare: step by step, the least, each one confirmed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from .client import EdgeClient
from .credentials import CertificateFacts, SigningRequest, read_certificates
from .errors import Conflict, EdgeError, Unavailable
from .evaluation import same
from .models import ClientCertificate, Observation, Ruleset
from .plan import (
    Action,
    AssociationStep,
    IngressStep,
    Plan,
    RecordStep,
    RuleStep,
    Step,
    address_record,
    associations_after,
    ingress_after,
    record_body,
)

type RunBlocking = Callable[..., Awaitable[Any]]

# A new certificate takes up to a minute to appear in the list.
_SEARCH_PAUSES: Final = (0, 2, 5, 10, 20, 25)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How far a plan came; where it stopped, everything later was left as it was."""

    applied: tuple[Step, ...]
    error: EdgeError | None


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
    for step in plan.steps:
        try:
            await writer.write(step)
        except EdgeError as err:
            return Outcome(applied=tuple(applied), error=err)
        applied.append(step)
    return Outcome(applied=tuple(applied), error=None)


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
        certificates = await client.client_certificates(zone_id)
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


@dataclass
class _Writer:
    """Writes one step after the other, with what the last answer told of the rules."""

    client: EdgeClient
    observation: Observation
    ruleset: Ruleset = field(init=False)

    def __post_init__(self) -> None:
        self.ruleset = self.observation.ruleset

    async def write(self, step: Step) -> None:
        match step:
            case RuleStep():
                await self._write_rule(step)
            case AssociationStep():
                await self._write_association(step)
            case IngressStep():
                await self._write_ingress(step)
            case RecordStep():
                await self._write_record(step)

    async def _write_rule(self, step: RuleStep) -> None:
        zone_id, ruleset_id = self.observation.zone.id, self.ruleset.id
        own = self.ruleset.by_ref(step.target)
        if ruleset_id is None:
            if step.rule:
                self.ruleset = await self.client.create_ruleset(
                    zone_id, step.rule.body()
                )
        elif own is None:
            if step.rule:
                self.ruleset = await self.client.create_rule(
                    zone_id,
                    ruleset_id,
                    {**step.rule.body(), "position": self._position(step)},
                )
        elif step.action is Action.DELETE:
            self.ruleset = await self.client.delete_rule(zone_id, ruleset_id, own.id)
        elif step.rule:
            self.ruleset = await self.client.edit_rule(
                zone_id, ruleset_id, own.id, step.rule.body()
            )
        else:
            self.ruleset = await self.client.edit_rule(
                zone_id, ruleset_id, own.id, {"position": self._position(step)}
            )
        written = self.ruleset.by_ref(step.target)
        _confirm((written is None) == (step.action is Action.DELETE))
        _confirm(
            not (written and step.rule)
            or (written.enabled and same(written.expression, step.rule.expression))
        )

    def _position(self, step: RuleStep) -> dict[str, str]:
        before = self.ruleset.by_ref(step.before) if step.before else None
        return {"before": before.id if before else ""}

    async def _write_association(self, step: AssociationStep) -> None:
        zone_id = self.observation.zone.id
        present = await self.client.hostname_associations(zone_id)
        wanted = associations_after(present, step)
        if wanted == present:
            return
        written = await self.client.put_hostname_associations(zone_id, wanted)
        _confirm(set(written) == set(wanted))

    async def _write_ingress(self, step: IngressStep) -> None:
        account_id = self.observation.zone.account.id
        present = await self.client.tunnel_configuration(account_id, step.tunnel_id)
        if present is None:
            raise Conflict(None, "the tunnel is managed locally")
        wanted = ingress_after(present, step)
        if wanted == present.raw:
            return
        written = await self.client.put_tunnel_configuration(
            account_id, step.tunnel_id, wanted
        )
        own = written.rule_for(step.target)
        _confirm((own is None) == (step.action is Action.DELETE))

    async def _write_record(self, step: RecordStep) -> None:
        zone_id = self.observation.zone.id
        own = address_record(self.observation.records, step.target)
        body = record_body(step)
        if step.action is Action.DELETE:
            if own:
                await self.client.delete_dns_record(zone_id, own.id)
        elif own:
            await self.client.edit_dns_record(zone_id, own.id, body)
        else:
            await self.client.create_dns_record(zone_id, body)


def _confirm(holds: bool) -> None:
    """Raise Unavailable when Cloudflare's answer does not show what was written."""
    if not holds:
        raise Unavailable("the change did not take effect")
