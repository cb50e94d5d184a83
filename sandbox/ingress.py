"""Find the service behind a hostname: DNS record, tunnel, ingress rule."""

from dataclasses import dataclass
import re
from typing import Any

from .names import ascii_form
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
    """Return the hostname that a Host header means to the edge."""
    # GUESS: the edge cuts off what follows a colon, as cloudflared does; people saw it pass on
    # a Host header with letters there (cloudflare/cloudflared#1490).
    return host.partition(":")[0].removesuffix(".").lower()


def route(
    state: State, zone: Zone, host: str, path: str, resolves: str | None = None
) -> Service | Failure:
    """Return the service of a request with this Host header, or why there is none.

    A rule may have another name resolved than the one that the tunnel gets to see.
    """
    record = _find_record(zone, plain_host(resolves or host))
    for _ in range(_MAX_ALIASES):
        if record is None or not record.proxied:
            return NO_RECORD
        target = record.content.lower().rstrip(".")
        if record.type == "CNAME" and target.endswith(_TUNNEL_DOMAIN):
            tunnel = state.tunnels.get(target.removesuffix(_TUNNEL_DOMAIN))
            return _tunnel_service(tunnel, zone, host, path)
        if record.type != "CNAME" or not zone.contains(target):
            return NO_ORIGIN
        record = _find_record(zone, target)
    return NO_RECORD


def ingress_service(tunnel: Tunnel, host: str, path: str) -> Service:
    """Return the service of the first ingress rule that matches."""
    for rule in tunnel.ingress:
        if takes(rule.get("hostname") or "*", host) and re.search(
            rule.get("path") or "", path
        ):
            return Service(rule["service"], _origin_request(tunnel, rule))
    # cloudflared answers 503 while it has no configuration.
    return Service("http_status:503", {})


def _tunnel_service(
    tunnel: Tunnel | None, zone: Zone, host: str, path: str
) -> Service | Failure:
    if tunnel is None or tunnel.account_id != zone.account_id or not tunnel.serves:
        return NO_TUNNEL
    return ingress_service(tunnel, host, path)


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


def takes(pattern: str, host: str) -> bool:
    """Return whether cloudflared takes a rule for a Host header: case counts, and a dot.

    Source: cloudflared 2026.8.2, ingress.go, FindMatchingRule and matchHost.
    """
    if host.count(":") == 1:
        host = host[: host.index(":")]
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    # Go's idna.Lookup makes capitals small, too.
    return host in (pattern, ascii_form(pattern))


def _origin_request(tunnel: Tunnel, rule: dict[str, Any]) -> dict[str, Any]:
    defaults = (tunnel.config or {}).get("originRequest") or {}
    return {**defaults, **(rule.get("originRequest") or {})}
