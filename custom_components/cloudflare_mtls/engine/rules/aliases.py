"""Follows DNS records that lead to other names of the account's zones (pure)."""

from collections.abc import Collection

from ..api.models import ADDRESS_TYPES, DnsRecord, Observation
from ..api.names import in_dns


def tunnel_behind(
    record: DnsRecord, observations: Collection[Observation]
) -> str | None:
    """Return the id of the tunnel that a record leads to, by itself or by other names; None for none.

    Other names are followed in the zones that are observed. A record that leads back to where it
    came from leads nowhere.

    Source: developers.cloudflare.com, mTLS, "Bring your own CA": what counts of a chain of CNAME
    records is the hostname that a visitor asks for.
    """
    followed = set[str]()
    here: DnsRecord | None = record
    while here and here.tunnel_id is None:
        target = in_dns(here.content).removesuffix(".")
        if here.type != "CNAME" or target in followed:
            return None
        followed.add(target)
        here = _record_at(target, observations)
    return here.tunnel_id if here else None


def _record_at(name: str, observations: Collection[Observation]) -> DnsRecord | None:
    """Return the record that answers for a name: its own, else that of the closest wildcard."""
    for observation in observations:
        for record in observation.records_of(name):
            if record.type in ADDRESS_TYPES:
                return record
    wildcards = [
        record
        for observation in observations
        for record in observation.wildcards_over(name)
        if record.type in ADDRESS_TYPES
    ]
    return max(wildcards, key=lambda record: len(record.name), default=None)
