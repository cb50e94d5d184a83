"""Adds the steps that take a hostname off the internet (pure)."""

from ..rules.marks import RECORD_COMMENT
from .ingress_steps import stop_serving
from .problems import ProblemCode
from .safe_steps import SafeSteps
from .settings import ProtectedHostname
from .steps import Action, RecordStep, Step, address_record


def unpublish(steps: SafeSteps, item: ProtectedHostname) -> None:
    """Remove everything of ours that leads to a hostname."""
    for step in _way_down(steps, item):
        steps.add(step)
    if item.tunnel_id in steps.state.unread_tunnels:
        # Its rule may still be there.
        steps.add_problem(ProblemCode.TUNNEL_UNREAD, item.hostname, item.tunnel_id)


def close(steps: SafeSteps, item: ProtectedHostname) -> None:
    """Take an exposed hostname off the internet, with no more steps than that needs."""
    for step in _way_down(steps, item):
        if item.hostname in steps.exposures:
            steps.add(step)


def _way_down(steps: SafeSteps, item: ProtectedHostname) -> list[Step]:
    """Return the steps after which nothing of ours leads to a hostname, in a safe order."""
    record = address_record(steps.state.records, item.hostname)
    if record and record.comment != RECORD_COMMENT:
        # Behind somebody else's record the ingress rule is theirs too, though it looks like ours.
        return []
    way_down: list[Step] = []
    if record:
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
