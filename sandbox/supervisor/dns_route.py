"""The DNS record that `cloudflared tunnel route dns` makes."""

from sandbox.clock import now
from sandbox.names import ascii_form
from sandbox.state import DnsRecord, Tunnel, Zone

_ADDRESSES = ("A", "AAAA", "CNAME")


def route_dns(zone: Zone, tunnel: Tunnel, hostname: str) -> str:
    """Lead a name to a tunnel, whatever record it has; return the name that the record got.

    The zone is the one of the login certificate: a name of another zone becomes a name below it.
    """
    name = ascii_form(hostname)
    if not zone.contains(name):
        name = f"{name}.{zone.ascii_name}"
    target = f"{tunnel.id}.cfargotunnel.com"
    existing = [
        record
        for record in zone.dns_records.values()
        if record.name.lower() == name and record.type in _ADDRESSES
    ]
    for record in existing:
        if record.type == "CNAME" and record.content == target and record.proxied:
            return name
    # GUESS: the record is replaced, so that neither its id nor its comment stays.
    for record in existing:
        del zone.dns_records[record.id]
    zone.add_dns_record(
        DnsRecord("CNAME", name, target, proxied=True, created_on=now())
    )
    return name
