"""What must stand at Cloudflare for the settings that a person chose (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..api.models import TUNNEL_DOMAIN
from ..rules.expressions import Admission, block_expression, skip_expression
from ..rules.marks import BLOCK_REF, SKIP_REF
from .settings import Layout, ProtectedHostname
from .skippable import Skippable, skip_parameters


@dataclass(frozen=True, kw_only=True)
class DesiredRule:
    """A custom rule as it must be, whole: the API replaces rules, it never merges them."""

    ref: str
    action: str
    expression: str
    description: str
    action_parameters: Mapping[str, Any]

    def body(self) -> dict[str, Any]:
        """Return the rule as the Rulesets API takes it."""
        body: dict[str, Any] = {
            "ref": self.ref,
            "action": self.action,
            "expression": self.expression,
            "description": self.description,
            "enabled": True,
        }
        if self.action_parameters:
            body["action_parameters"] = dict(self.action_parameters)
        return body


@dataclass(frozen=True, kw_only=True)
class DesiredZone:
    """One zone as it must be: hostnames to protect, and ones that we take down.

    Former ones are hostnames that we keep, as their settings were: another tunnel may still
    serve them. Pinned are the fingerprints of the only certificates that pass, None for any.
    Skipped is what Cloudflare lets this zone skip. What others made by hand for our hostnames
    is replaced only where we take over. Neighbours are hostnames that another Home Assistant
    protects through the same two rules, and who passes there: they keep what they have. Those
    that skip may be named by the skip rule alone, while the block rule has no place.
    """

    hostnames: tuple[ProtectedHostname, ...] = ()
    removed: tuple[ProtectedHostname, ...] = ()
    former: tuple[ProtectedHostname, ...] = ()
    pinned: frozenset[str] | None = None
    skipped: frozenset[Skippable] = frozenset(Skippable)
    takes_over: bool = False
    neighbours: Mapping[str, Admission] = field(default_factory=dict)
    skipping_neighbours: Mapping[str, Admission] = field(default_factory=dict)

    def admission(self, item: ProtectedHostname) -> Admission:
        """Return who passes at one of our own hostnames."""
        return Admission(exempt_paths=item.exempt_paths, pinned=self.pinned)

    @property
    def block(self) -> DesiredRule | None:
        """Return the rule that keeps everyone without a good certificate out."""
        own = {item.hostname: self.admission(item) for item in self.hostnames}
        if not (admissions := {**self.neighbours, **own}):
            return None
        return DesiredRule(
            ref=BLOCK_REF,
            action="block",
            expression=block_expression(admissions),
            description="Home Assistant: block devices without a certificate",
            action_parameters={},
        )

    @property
    def skip(self) -> DesiredRule | None:
        """Return the rule that spares verified devices the zone's other rules."""
        own = {
            item.hostname: self.admission(item)
            for item in self.hostnames
            if item.layout is Layout.SKIP_AND_BLOCK
        }
        if not (expression := skip_expression({**self.skipping_neighbours, **own})):
            return None
        return DesiredRule(
            ref=SKIP_REF,
            action="skip",
            expression=expression,
            description="Home Assistant: let devices with a certificate in",
            action_parameters=skip_parameters(self.skipped),
        )


def record_content(tunnel_id: str) -> str:
    """Return what a CNAME record says to lead to the tunnel.

    Source: developers.cloudflare.com, Tunnel DNS records.
    """
    return f"{tunnel_id}.{TUNNEL_DOMAIN}"
