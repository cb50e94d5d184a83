"""What was last seen of a zone: what cannot be read now is kept as it was (pure)."""

from dataclasses import replace

from ..api.models import Observation


def last_seen(before: Observation | None, now: Observation) -> Observation:
    """Return what is seen now, with the configurations of tunnels that cannot be read now."""
    if before is None:
        return now
    kept = {
        tunnel_id: item
        for tunnel_id, item in before.configurations.items()
        if tunnel_id in now.unread_tunnels
    }
    return replace(now, configurations={**now.configurations, **kept})
