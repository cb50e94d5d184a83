"""Adds the steps that take a hostname off the internet (pure)."""

from ..api.models import DnsRecord, Observation
from ..rules.aliases import tunnel_behind
from ..rules.exposure import records_to_an_origin
from ..rules.marks import RECORD_COMMENT
from ..rules.visitors import Visitor
from .desired import DesiredZone
from .ingress_steps import stop_serving
from .problems import ProblemCode
from .record_steps import is_led_by_its_owner, is_our_record, mark_record
from .safe_steps import SafeSteps
from .settings import ProtectedHostname
from .steps import Action, RecordStep, Step, address_record


def unpublish(steps: SafeSteps, desired: DesiredZone, item: ProtectedHostname) -> None:
    """Remove everything of ours that leads to a hostname."""
    way_down = _way_down(steps, desired, item)
    for step in way_down:
        steps.add(step)
    rule = stop_serving(steps.state, item)
    if rule and item.hostname in desired.marked:
        # We once led the hostname home, so the rule is ours, whosever the record is by now.
        steps.add(rule)
    if item.tunnel_id in steps.state.unread_tunnels:
        # Its rule may still be there.
        steps.add_problem(ProblemCode.TUNNEL_UNREAD, item.hostname, item.tunnel_id)


def say_what_is_left(
    steps: SafeSteps, desired: DesiredZone, item: ProtectedHostname
) -> None:
    """Add a problem for everything of others that may still lead to a removed hostname."""
    record = address_record(steps.state.records, item.hostname)
    leading = records_to_an_origin(steps.state, item.hostname)
    if leading and is_led_by_its_owner(record, desired, item):
        if not _is_open(steps, item):
            steps.add_problem(ProblemCode.STILL_SERVED, item.hostname, item.service)
        return
    for tunnel_id in desired.in_files.get(item.hostname, ()):
        # Of its own tunnel that could not be read, another problem tells.
        if tunnel_id != item.tunnel_id or tunnel_id not in steps.state.unread_tunnels:
            steps.add_problem(ProblemCode.STILL_IN_FILE, item.hostname, tunnel_id)
    for record in leading:
        if _leads_home(steps.state, record, item):
            detail = f"{record.type} {record.name} → {record.content}"
            steps.add_problem(ProblemCode.STILL_REACHABLE, item.hostname, detail)


def _is_open(steps: SafeSteps, item: ProtectedHostname) -> bool:
    """Return whether visitors without a certificate reach a hostname."""
    exposure = steps.exposures.get(item.hostname)
    return exposure is not None and exposure.visitor is Visitor.NO_CERTIFICATE


def close(steps: SafeSteps, desired: DesiredZone, item: ProtectedHostname) -> None:
    """Take an exposed hostname off the internet, with no more steps than that needs."""
    for step in _way_down(steps, desired, item):
        if item.hostname in steps.exposures:
            steps.add(step)


def _way_down(
    steps: SafeSteps, desired: DesiredZone, item: ProtectedHostname
) -> list[Step]:
    """Return the steps after which nothing of ours leads to a hostname, in a safe order."""
    record = address_record(steps.state.records, item.hostname)
    if record and not is_our_record(record, desired, item):
        # Behind somebody else's record the ingress rule is theirs too, though it looks like ours.
        return []
    way_down: list[Step] = []
    if record:
        if record.comment != RECORD_COMMENT:
            # Only what bears our mark is ever deleted.
            way_down.append(mark_record(item))
        way_down.append(
            RecordStep(
                action=Action.DELETE,
                target=item.hostname,
                tunnel_id=record.tunnel_id or item.tunnel_id,
            )
        )
    if step := stop_serving(steps.state, item):
        way_down.append(step)
    if way_down and steps.opened_by(way_down[0]):
        # Our record hides a wildcard record that would take over.
        way_down.reverse()
    return way_down


def _leads_home(state: Observation, record: DnsRecord, item: ProtectedHostname) -> bool:
    """Return whether visitors may reach the hostname's service by a record that is not ours.

    Only a tunnel leads home, and only a known one is known to lead elsewhere.
    """
    tunnel_id = tunnel_behind(record, [state])
    if tunnel_id is None:
        return False
    configuration = state.configurations.get(tunnel_id)
    return configuration is None or any(
        rule.may_take(item.hostname) and rule.service == item.service
        for rule in configuration.ingress
    )
