"""IP Access rules: they decide before every custom rule."""

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address, ip_network

from sandbox.clock import now

from .ids import new_id
from .visits import Visitor


@dataclass
class IpAccessRule:
    """A rule for visitors from an address, a network, an autonomous system or a country."""

    mode: str
    target: str
    value: str
    notes: str = ""
    id: str = field(default_factory=new_id)
    created_on: datetime = field(default_factory=now)
    modified_on: datetime = field(default_factory=now)

    def matches(self, visitor: Visitor) -> bool:
        """Return whether a visitor comes from there."""
        match self.target:
            case "ip" | "ip6":
                return visitor.ip == ip_address(self.value)
            case "ip_range":
                return visitor.ip in ip_network(self.value, strict=False)
            case "asn":
                return self.value == f"AS{visitor.asnum}"
            case _:
                return self.value == visitor.country
