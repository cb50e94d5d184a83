"""Adds the steps that lead a hostname to its tunnel in DNS (pure)."""

from ..api.models import DnsRecord
from ..rules.adoption import MadeByHand
from ..rules.marks import RECORD_COMMENT
from .desired import DesiredZone
from .problems import ProblemCode
from .safe_steps import SafeSteps
from .settings import ProtectedHostname
from .steps import Action, RecordStep, address_record


def record_made_by_hand(
    records: tuple[DnsRecord, ...], item: ProtectedHostname
) -> MadeByHand | None:
    """Return the record that leads a hostname to its tunnel already, unless it is ours."""
    record = address_record(records, item.hostname)
    if record and _leads_to_tunnel(record, item) and record.comment != RECORD_COMMENT:
        return MadeByHand(id=record.id, hostname=item.hostname)
    return None


def lead_to_tunnel(
    steps: SafeSteps, desired: DesiredZone, item: ProtectedHostname
) -> None:
    """Have the hostname's DNS record lead to its tunnel; another's record is left alone."""
    record = address_record(steps.state.records, item.hostname)
    if record and _leads_to_tunnel(record, item):
        found = record_made_by_hand(steps.state.records, item)
        if found in (desired.takes_over or ()):
            steps.add(
                RecordStep(
                    action=Action.ADOPT, target=item.hostname, tunnel_id=item.tunnel_id
                )
            )
        return
    if record and record.comment != RECORD_COMMENT:
        steps.add_problem(ProblemCode.RECORD_IN_THE_WAY, item.hostname, record.content)
        return
    if item.tunnel_id not in steps.state.configurations:
        return
    steps.add_way_in(
        RecordStep(
            action=Action.UPDATE if record else Action.CREATE,
            target=item.hostname,
            tunnel_id=item.tunnel_id,
            admission=desired.admission(item),
        )
    )


def _leads_to_tunnel(record: DnsRecord, item: ProtectedHostname) -> bool:
    return record.proxied and record.tunnel_id == item.tunnel_id
