"""Which hostnames lead to which tunnel, as DNS tells: what each may serve, not what it does."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Final

from ..api.ask_each import ask_each
from ..api.client import CloudflareClient
from ..api.models import ADDRESS_TYPES

# To read the records of hundreds of domains takes longer than a person waits for a list.
_MOST_ZONES: Final = 10


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
