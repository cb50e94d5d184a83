"""Hostname associations: where the edge asks visitors for a client certificate."""

from typing import Any

from sandbox.clock import CLOCK

from ..envelope import Answer, ApiError, Problem
from .routing import Call, Routes

routes = Routes()

_ASSOCIATIONS = "/zones/{zone_id}/certificate_authorities/hostname_associations"


@routes.get(_ASSOCIATIONS)
async def get_associations(call: Call) -> Answer:
    """Return the hostnames; null if none were ever set."""
    zone = call.zone
    seen = [*zone.outdated_associations, zone.associations]
    return Answer({"hostnames": seen[0]})


@routes.put(_ASSOCIATIONS)
async def replace_associations(call: Call) -> Answer:
    """Replace all hostnames."""
    hostnames = call.object().get("hostnames")
    if not isinstance(hostnames, list) or "mtls_certificate_id" in call.object():
        # GUESS: the text. The sandbox has only the managed CA, so it refuses other ids.
        raise ApiError(400, Problem(None, "invalid hostname associations"))
    for hostname in hostnames:
        _check(call, hostname)
    outdated = call.zone.outdated_associations
    outdated.append(call.zone.associations)
    CLOCK.schedule(call.state.delays.associations, lambda: outdated.pop(0))
    call.zone.associations = hostnames
    return Answer({"hostnames": hostnames})


def _check(call: Call, hostname: Any) -> None:
    # GUESS: wildcards are refused; and the code and text.
    if (
        not isinstance(hostname, str)
        or "*" in hostname
        or not call.zone.contains(hostname)
    ):
        raise ApiError(400, Problem(None, f"invalid hostname: {hostname}"))
