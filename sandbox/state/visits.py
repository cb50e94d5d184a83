"""Visitors of the edge, and the requests that it stopped."""

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address


@dataclass
class Visitor:
    """The address and country that the edge sees for every visitor."""

    ip: IPv4Address | IPv6Address = field(
        default_factory=lambda: IPv4Address("203.0.113.24")
    )
    country: str = "DE"
    asnum: int = 64496


@dataclass(frozen=True)
class BlockedRequest:
    """A request that the edge stopped; `rule_id` is empty unless a custom rule stopped it."""

    time: datetime
    rule_id: str
    ref: str
    host: str
    path: str
    method: str
    user_agent: str
    country: str
    action: str
    source: str = "firewallCustom"
    query: str = ""
    protocol: str = "HTTP/1.1"
    ray: str = ""
    ip: str = ""
    asnum: int = 0
