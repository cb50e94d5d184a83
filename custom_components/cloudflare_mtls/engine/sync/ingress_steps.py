"""Adds the steps that have a tunnel serve a hostname, or no longer serve it (pure)."""

from itertools import takewhile

from ..api.ingress import IngressRule, TunnelConfiguration
from ..api.models import Observation
from .desired import DesiredZone
from .origin_settings import settings_of_siblings
from .problems import ProblemCode
from .safe_steps import SafeSteps
from .settings import ProtectedHostname
from .steps import Action, IngressStep


def serve(steps: SafeSteps, desired: DesiredZone, item: ProtectedHostname) -> None:
    """Have the hostname's tunnel lead it to its service.

    What a local tunnel serves, only a person or an app can change. An adopted rule is its owner's.
    """
    if item.is_adopted or item.tunnel_id in steps.state.local_tunnels:
        return
    configuration = steps.state.configurations.get(item.tunnel_id)
    if configuration is None:
        is_unread = item.tunnel_id in steps.state.unread_tunnels
        code = ProblemCode.TUNNEL_UNREAD if is_unread else ProblemCode.TUNNEL_GONE
        steps.add_problem(code, item.hostname, item.tunnel_id)
        return
    own = configuration.rule_for(item.hostname)
    if (
        own
        and own.hostname == item.hostname
        and own.service == item.service
        and not _is_shadowed(configuration, own, item.hostname)
    ):
        return
    steps.add_way_in(
        IngressStep(
            action=Action.UPDATE if own else Action.CREATE,
            target=item.hostname,
            tunnel_id=item.tunnel_id,
            service=item.service,
            origin_request=()
            if own
            else settings_of_siblings(configuration, item.hostname, item.service),
            admission=desired.admission(item),
        )
    )


def clear_former_tunnel(
    steps: SafeSteps, desired: DesiredZone, former: ProtectedHostname
) -> None:
    """Have a hostname's former tunnel no longer serve it, once another tunnel does."""
    tunnels = {
        item.tunnel_id for item in desired.hostnames if item.hostname == former.hostname
    }
    if former.tunnel_id not in tunnels and (step := stop_serving(steps.state, former)):
        steps.add(step)


def stop_serving(state: Observation, item: ProtectedHostname) -> IngressStep | None:
    """Return the step after which the tunnel no longer serves a hostname, if it does now.

    A rule that was there before, or leads to another service, is somebody else's.
    """
    if item.is_adopted:
        return None
    configuration = state.configurations.get(item.tunnel_id)
    own = configuration.rule_for(item.hostname) if configuration else None
    if own is None or own.service != item.service:
        return None
    return IngressStep(
        action=Action.DELETE,
        target=item.hostname,
        tunnel_id=item.tunnel_id,
        service=item.service,
    )


def _is_shadowed(
    configuration: TunnelConfiguration, own: IngressRule, hostname: str
) -> bool:
    """Return whether an earlier rule takes every request that is meant for this one."""
    earlier = takewhile(lambda rule: rule is not own, configuration.ingress)
    return any(rule.path is None and rule.takes(hostname) for rule in earlier)
