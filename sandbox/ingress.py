"""Find the tunnel behind a hostname, by its DNS record, and the service behind that."""

from dataclasses import dataclass

from .exchange import OriginError
from .imitation.request_head import decoded_path
from .imitation.rules import Service, service_for
from .state import DnsRecord, State, Tunnel, Zone

_TUNNEL_DOMAIN = ".cfargotunnel.com"
_MAX_ALIASES = 8


@dataclass(frozen=True)
class Failure:
    """Why no tunnel was found: an HTTP status and one of Cloudflare's 1xxx codes."""

    status: int
    code: int
    title: str


NO_RECORD = Failure(530, 1016, "Origin DNS error")
NO_TUNNEL = Failure(530, 1033, "Cloudflare Tunnel error")
NO_ORIGIN = Failure(523, 523, "Origin is unreachable")
BAD_GATEWAY = Failure(502, 502, "Bad gateway")


def plain_host(host: str) -> str:
    """Return the hostname that a Host header means to the edge."""
    # GUESS: the edge cuts off what follows a colon; people saw it pass on a Host header with
    # letters there (cloudflare/cloudflared#1490).
    return host.partition(":")[0].removesuffix(".").lower()


def find_tunnel(state: State, zone: Zone, host: str) -> Tunnel | Failure:
    """Return the tunnel to which a name leads, or why it leads to none."""
    record = _find_record(zone, plain_host(host))
    for _ in range(_MAX_ALIASES):
        if record is None or not record.proxied:
            return NO_RECORD
        target = record.content.lower().rstrip(".")
        if record.type == "CNAME" and target.endswith(_TUNNEL_DOMAIN):
            tunnel = state.tunnels.get(target.removesuffix(_TUNNEL_DOMAIN))
            if tunnel and tunnel.account_id == zone.account_id and tunnel.serves:
                return tunnel
            return NO_TUNNEL
        if record.type != "CNAME" or not zone.contains(target):
            return NO_ORIGIN
        record = _find_record(zone, target)
    return NO_RECORD


def route(state: State, zone: Zone, host: str, target: str) -> Service | Failure:
    """Return the service of a request with this Host header, or why there is none."""
    found = find_tunnel(state, zone, host)
    if isinstance(found, Failure):
        return found
    try:
        return service_for(found, host, decoded_path(target))
    except OriginError:
        return BAD_GATEWAY


def _find_record(zone: Zone, hostname: str) -> DnsRecord | None:
    """Look up a name: an exact record first, then the closest wildcard."""
    labels = hostname.split(".")
    wildcards = [f"*.{'.'.join(labels[index:])}" for index in range(1, len(labels))]
    addresses = {
        record.name.lower(): record
        for record in zone.dns_records.values()
        if record.type in ("A", "AAAA", "CNAME")
    }
    return next(
        (addresses[name] for name in (hostname, *wildcards) if name in addresses), None
    )
