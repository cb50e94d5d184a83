"""Reads everything that decides who reaches the hostnames of a zone."""

import asyncio
from collections.abc import Iterable, Mapping
from enum import Enum, auto

from ..api.ask_each import ask_each
from ..api.client import CloudflareClient
from ..api.errors import expect_agreement
from ..api.ingress import TunnelConfiguration
from ..api.models import Observation
from ..rules.recognition import with_marks


class _Without(Enum):
    """Why Cloudflare knows no configuration of a tunnel."""

    LOCAL = auto()
    GONE = auto()


async def observe(
    client: CloudflareClient, account_id: str, zone_id: str, tunnel_ids: Iterable[str]
) -> Observation:
    """Return everything that decides who reaches the zone's hostnames, all read at once.

    A tunnel that is managed locally, gone or not readable has no configuration in the
    observation. Raises EngineError.
    """

    async def look_at(tunnel_id: str) -> TunnelConfiguration | _Without:
        configuration = await client.tunnels.get_configuration(account_id, tunnel_id)
        if configuration is not None:
            return configuration
        tunnel = await client.tunnels.find(account_id, tunnel_id)
        if tunnel is None:
            return _Without.GONE
        expect_agreement(not tunnel.remotely_managed)
        return _Without.LOCAL

    reads = (
        asyncio.ensure_future(client.zones.get(zone_id)),
        asyncio.ensure_future(client.rulesets.get(zone_id)),
        asyncio.ensure_future(client.hostname_associations.get(zone_id)),
        asyncio.ensure_future(client.dns.list(zone_id)),
        asyncio.ensure_future(ask_each(tunnel_ids, look_at)),
    )
    # One that fails leaves no other one under way.
    await asyncio.gather(*reads, return_exceptions=True)
    zone_read, ruleset_read, associations_read, records_read, tunnels_read = reads
    zone, ruleset = zone_read.result(), ruleset_read.result()
    associations, records = associations_read.result(), records_read.result()
    tunnels = tunnels_read.result()
    tunnels.raise_if_not_permitted()
    return Observation(
        zone=zone,
        ruleset=with_marks(ruleset),
        associations=associations,
        records=records,
        configurations={
            tunnel_id: seen
            for tunnel_id, seen in tunnels.found.items()
            if isinstance(seen, TunnelConfiguration)
        },
        local_tunnels=_these(tunnels.found, _Without.LOCAL),
        gone_tunnels=_these(tunnels.found, _Without.GONE),
        unread_tunnels=frozenset(tunnels.failed),
    )


def _these(
    found: Mapping[str, TunnelConfiguration | _Without], what: _Without
) -> frozenset[str]:
    return frozenset(tunnel_id for tunnel_id, seen in found.items() if seen is what)
