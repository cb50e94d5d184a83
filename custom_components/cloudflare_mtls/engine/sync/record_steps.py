"""Adds the steps that lead a hostname to its tunnel in DNS (pure)."""

from ..api.models import DnsRecord
from ..rules.exposure import records_to_an_origin
from ..rules.marks import RECORD_COMMENT
from .desired import DesiredZone
from .problems import ProblemCode
from .safe_steps import SafeSteps
from .settings import ProtectedHostname
from .steps import Action, RecordStep, address_record


def is_our_record(
    record: DnsRecord, desired: DesiredZone, item: ProtectedHostname
) -> bool:
    """Return whether a hostname's record is ours, by its mark or by what was seen before."""
    return record.comment == RECORD_COMMENT or (
        item.hostname in desired.marked and _leads_to_tunnel(record, item)
    )


def lead_to_tunnel(
    steps: SafeSteps, desired: DesiredZone, item: ProtectedHostname
) -> None:
    """Have the hostname's DNS record lead to its tunnel; another's record is left alone."""
    record = address_record(steps.state.records, item.hostname)
    if is_led_by_its_owner(record, desired, item):
        _say_if_not_served(steps, item)
        return
    if record and _leads_to_tunnel(record, item):
        if record.comment != RECORD_COMMENT and is_our_record(record, desired, item):
            steps.add(mark_record(item))
        return
    if record and record.comment != RECORD_COMMENT:
        steps.add_problem(ProblemCode.RECORD_IN_THE_WAY, item.hostname, record.content)
        return
    if item.tunnel_id not in {*steps.state.configurations, *steps.state.local_tunnels}:
        return
    steps.add_way_in(
        RecordStep(
            action=Action.UPDATE if record else Action.CREATE,
            target=item.hostname,
            tunnel_id=item.tunnel_id,
            admission=desired.admission(item),
        )
    )


def is_led_by_its_owner(
    record: DnsRecord | None, desired: DesiredZone, item: ProtectedHostname
) -> bool:
    """Return whether what leads to an adopted hostname, or used to, is its owner's.

    The record is its exact one, None where it has none.
    """
    if not item.is_adopted or item.hostname in desired.marked:
        return False
    return record is None or record.comment != RECORD_COMMENT


def _say_if_not_served(steps: SafeSteps, item: ProtectedHostname) -> None:
    """Add a problem where nothing leads to an adopted hostname any more."""
    leading = records_to_an_origin(steps.state, item.hostname)
    if all(record.tunnel_id in steps.state.gone_tunnels for record in leading):
        steps.add_problem(ProblemCode.NOT_SERVED, item.hostname, item.service)


def mark_record(item: ProtectedHostname) -> RecordStep:
    """Return the step that writes our mark again on a hostname's record."""
    return RecordStep(
        action=Action.MARK, target=item.hostname, tunnel_id=item.tunnel_id
    )


def _leads_to_tunnel(record: DnsRecord, item: ProtectedHostname) -> bool:
    return record.proxied and record.tunnel_id == item.tunnel_id
