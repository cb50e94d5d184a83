"""Reads everything that decides who reaches the hostnames of a zone."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from ..api.ask_each import ask_each
from ..api.client import CloudflareClient
from ..api.ingress import TunnelConfiguration
from ..api.models import Observation
from ..rules.recognition import with_marks


@dataclass(frozen=True, kw_only=True)
class _SeenTunnel:
    """A tunnel: its configuration, unless it is managed locally or gone."""

    configuration: TunnelConfiguration | None
    is_gone: bool = False

    @property
    def is_local(self) -> bool:
        return self.configuration is None and not self.is_gone


async def observe(
    client: CloudflareClient, account_id: str, zone_id: str, tunnel_ids: Iterable[str]
) -> Observation:
    """Return everything that decides who reaches the zone's hostnames, all read at once.

    A tunnel that is managed locally, gone or not readable has no configuration in the
    observation. Raises EngineError.
    """

    async def look_at(tunnel_id: str) -> _SeenTunnel:
        configuration = await client.tunnels.get_configuration(account_id, tunnel_id)
        if configuration is not None:
            return _SeenTunnel(configuration=configuration)
        is_gone = await client.tunnels.is_gone(account_id, tunnel_id)
        return _SeenTunnel(configuration=None, is_gone=is_gone)

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
            tunnel_id: seen.configuration
            for tunnel_id, seen in tunnels.found.items()
            if seen.configuration
        },
        local_tunnels=frozenset(
            tunnel_id for tunnel_id, seen in tunnels.found.items() if seen.is_local
        ),
        gone_tunnels=frozenset(
            tunnel_id for tunnel_id, seen in tunnels.found.items() if seen.is_gone
        ),
        unread_tunnels=frozenset(tunnels.failed),
    )
