"""Which hostnames lead to which tunnel, as DNS tells: what each may serve, not what it does."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ..api.ask_each import ask_each
from ..api.client import CloudflareClient
from ..api.models import ADDRESS_TYPES, Tunnel, Zone
from ..sync.reach import zone_of

# To read the records of hundreds of domains takes longer than a person waits for a list.
_MOST_ZONES: Final = 10


@dataclass(frozen=True, kw_only=True)
class ServedHostname:
    """A hostname, or a wildcard, that leads to a tunnel of the account, as DNS tells."""

    hostname: str
    zone: Zone
    tunnel: Tunnel

    @property
    def is_wildcard(self) -> bool:
        """Return whether it stands for every name below it that has no record of its own."""
        return "*" in self.hostname


def served_hostnames(
    tunnels: Iterable[Tunnel],
    served: Mapping[str, Collection[str]],
    zones: Collection[Zone],
) -> dict[str, ServedHostname]:
    """Return the hostnames that lead to tunnels, each with its zone; wildcards are no hostnames."""
    return {
        item.hostname: item
        for item in _served(tunnels, served, zones)
        if not item.is_wildcard
    }


def served_wildcards(
    tunnels: Iterable[Tunnel],
    served: Mapping[str, Collection[str]],
    zones: Collection[Zone],
) -> tuple[ServedHostname, ...]:
    """Return the wildcards that lead to tunnels, each with its zone."""
    return tuple(item for item in _served(tunnels, served, zones) if item.is_wildcard)


def _served(
    tunnels: Iterable[Tunnel],
    served: Mapping[str, Collection[str]],
    zones: Collection[Zone],
) -> Iterator[ServedHostname]:
    for tunnel in tunnels:
        for hostname in served.get(tunnel.id, ()):
            if zone := zone_of(hostname, zones):
                yield ServedHostname(hostname=hostname, zone=zone, tunnel=tunnel)


async def find_served(
    client: CloudflareClient, zone_ids: Iterable[str]
) -> Mapping[str, Collection[str]]:
    """Return the hostnames that lead to each tunnel, by its id, as far as they can be read.

    Only the first ten zones are read.

    Source: GET /zones/{zone_id}/dns_records, CNAME records to <tunnel_id>.cfargotunnel.com.
    """
    read = await ask_each(islice(zone_ids, _MOST_ZONES), client.dns.list)
    served: defaultdict[str, set[str]] = defaultdict(set)
    for records in read.found.values():
        for record in records:
            if record.type in ADDRESS_TYPES and record.tunnel_id:
                served[record.tunnel_id].add(record.name)
    return served
