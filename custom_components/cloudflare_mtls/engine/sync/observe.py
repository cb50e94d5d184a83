"""Reads everything that decides who reaches the hostnames of a zone."""

import asyncio
from collections.abc import Iterable

from ..api.client import CloudflareClient
from ..api.models import Observation


async def observe(
    client: CloudflareClient, account_id: str, zone_id: str, tunnel_ids: Iterable[str]
) -> Observation:
    """Return everything that decides who reaches the zone's hostnames, all read at once.

    A tunnel that is managed locally or gone has no configuration in the observation.
    Raises EngineError.
    """
    tunnel_ids = tuple(tunnel_ids)
    zone, ruleset, associations, records, configurations = await asyncio.gather(
        client.zones.get(zone_id),
        client.rulesets.get(zone_id),
        client.hostname_associations.get(zone_id),
        client.dns.list(zone_id),
        asyncio.gather(
            *(client.tunnels.get_configuration(account_id, item) for item in tunnel_ids)
        ),
    )
    known = {item.tunnel_id: item for item in configurations if item}
    unknown = [item for item in tunnel_ids if item not in known]
    gone = await asyncio.gather(
        *(client.tunnels.is_gone(account_id, item) for item in unknown)
    )
    return Observation(
        zone=zone,
        ruleset=ruleset,
        associations=associations,
        records=records,
        configurations=known,
        gone_tunnels=frozenset(
            item for item, is_gone in zip(unknown, gone, strict=True) if is_gone
        ),
    )
