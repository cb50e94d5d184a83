"""Find the service behind a hostname: DNS record, tunnel, ingress rule."""

from dataclasses import dataclass
import re
from typing import Any

from .state import DnsRecord, State, Tunnel, Zone

_TUNNEL_DOMAIN = ".cfargotunnel.com"
_MAX_ALIASES = 8


@dataclass(frozen=True)
class Service:
    """The service that an ingress rule names, with its settings."""

    name: str
    origin_request: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """Why no service was found: an HTTP status and one of Cloudflare's 1xxx codes."""

    status: int
    code: int
    title: str


NO_RECORD = Failure(530, 1016, "Origin DNS error")
NO_TUNNEL = Failure(530, 1033, "Cloudflare Tunnel error")
NO_ORIGIN = Failure(523, 523, "Origin is unreachable")


def plain_host(host: str) -> str:
    """Remove the port and trailing dot of a Host header, as cloudflared does."""
    return re.sub(r":\d*$", "", host).rstrip(".").lower()


def route(
    state: State, zone: Zone, hostname: str, path: str, resolves: str | None = None
) -> Service | Failure:
    """Return the service of a request, or why there is none.

    A rule may have another name resolved than the one that the tunnel gets to see.
    """
    record = _find_record(zone, resolves or hostname)
    for _ in range(_MAX_ALIASES):
        if record is None or not record.proxied:
            return NO_RECORD
        target = record.content.lower().rstrip(".")
        if record.type == "CNAME" and target.endswith(_TUNNEL_DOMAIN):
            tunnel = state.tunnels.get(target.removesuffix(_TUNNEL_DOMAIN))
            return _tunnel_service(tunnel, zone, hostname, path)
        if record.type != "CNAME" or not zone.contains(target):
            return NO_ORIGIN
        record = _find_record(zone, target)
    return NO_RECORD


def ingress_service(tunnel: Tunnel, hostname: str, path: str) -> Service:
    """Return the service of the first ingress rule that matches."""
    for rule in tunnel.ingress:
        if _hostname_matches(rule.get("hostname") or "*", hostname) and re.search(
            rule.get("path") or "", path
        ):
            return Service(rule["service"], _origin_request(tunnel, rule))
    # cloudflared answers 503 while it has no configuration.
    return Service("http_status:503", {})


def _tunnel_service(
    tunnel: Tunnel | None, zone: Zone, hostname: str, path: str
) -> Service | Failure:
    if tunnel is None or tunnel.account_id != zone.account_id or not tunnel.serves:
        return NO_TUNNEL
    return ingress_service(tunnel, hostname, path)


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


def _hostname_matches(pattern: str, hostname: str) -> bool:
    pattern = pattern.lower()
    if pattern.startswith("*"):
        return hostname.endswith(pattern[1:])
    return hostname == pattern


def _origin_request(tunnel: Tunnel, rule: dict[str, Any]) -> dict[str, Any]:
    defaults = (tunnel.config or {}).get("originRequest") or {}
    return {**defaults, **(rule.get("originRequest") or {})}
