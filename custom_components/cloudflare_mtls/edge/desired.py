"""What must stand at Cloudflare for the settings that a person chose (pure)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
import re
from typing import Any, Final

from .expressions import block_expression, skip_expression
from .models import TUNNEL_DOMAIN, IngressRule, Zone

BLOCK_REF: Final = "cloudflare_mtls_block"
SKIP_REF: Final = "cloudflare_mtls_skip"
RECORD_COMMENT: Final = "Home Assistant: Cloudflare mTLS"

# What verified devices need not pass; the dashboard offers all of it on the Free plan.
_SKIPPED: Final[Mapping[str, Any]] = {
    "ruleset": "current",
    "phases": ["http_ratelimit", "http_request_firewall_managed"],
    "products": ["bic", "hot", "rateLimit", "securityLevel", "uaBlock", "zoneLockdown"],
}

_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOSTNAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_SERVICE: Final = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
)
_EXEMPT_PATH: Final = re.compile(r"(?:/(?!\.{1,2}/)[A-Za-z0-9._~-]+)+/")


class Layout(StrEnum):
    """How many rules protect a hostname."""

    SKIP_AND_BLOCK = "skip_and_block"
    BLOCK_ONLY = "block_only"


@dataclass(frozen=True, kw_only=True)
class ProtectedHostname:
    """A public hostname that only devices with a certificate reach.

    While it is not published its rules stay, and nothing leads to it.
    """

    hostname: str
    tunnel_id: str
    service: str
    layout: Layout = Layout.SKIP_AND_BLOCK
    exempt_paths: tuple[str, ...] = ()
    published: bool = True


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

    Neighbours are hostnames that another Home Assistant protects through the same two rules,
    with their exempt paths: they keep what they have.
    """

    hostnames: tuple[ProtectedHostname, ...] = ()
    removed: tuple[ProtectedHostname, ...] = ()
    neighbours: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skipping_neighbours: frozenset[str] = frozenset()

    @property
    def block(self) -> DesiredRule | None:
        """Return the rule that keeps everyone without a good certificate out."""
        own = {item.hostname: item.exempt_paths for item in self.hostnames}
        if not (hosts := {**self.neighbours, **own}):
            return None
        return DesiredRule(
            ref=BLOCK_REF,
            action="block",
            expression=block_expression(hosts),
            description="Home Assistant: block devices without a certificate",
            action_parameters={},
        )

    @property
    def skip(self) -> DesiredRule | None:
        """Return the rule that spares verified devices the zone's other rules."""
        own = {
            item.hostname
            for item in self.hostnames
            if item.layout is Layout.SKIP_AND_BLOCK
        }
        if not (hosts := own | self.skipping_neighbours):
            return None
        return DesiredRule(
            ref=SKIP_REF,
            action="skip",
            expression=skip_expression(hosts),
            description="Home Assistant: let devices with a certificate in",
            action_parameters=_SKIPPED,
        )


def record_content(tunnel_id: str) -> str:
    """Return what a CNAME record says to lead to the tunnel.

    Source: developers.cloudflare.com, Tunnel DNS records.
    """
    return f"{tunnel_id}.{TUNNEL_DOMAIN}"


def read_hostname(text: str) -> str | None:
    """Return a hostname as DNS writes it, or None where the text is none."""
    hostname = text.strip().lower().rstrip(".")
    return hostname if _HOSTNAME.fullmatch(hostname) and len(hostname) < 254 else None


def in_zone(hostname: str, zone: Zone) -> bool:
    """Tell whether the hostname belongs to the zone."""
    return hostname == zone.name or hostname.endswith(f".{zone.name}")


def is_service(text: str) -> bool:
    """Tell whether an ingress rule may lead there: an origin over HTTP, without a path.

    Source: cloudflared, ingress validation.
    """
    return _SERVICE.fullmatch(text) is not None


def is_exempt_path(text: str) -> bool:
    """Tell whether a path prefix may stay open: it names a folder, and never everything."""
    return _EXEMPT_PATH.fullmatch(text) is not None


def propose(
    zone: Zone,
    ingress: Iterable[IngressRule],
    *,
    origins: Collection[str],
    taken: Collection[str],
) -> tuple[str, str] | None:
    """Return a hostname to protect and its service, after the browser's hostname.

    The browser's hostname is the first one of the zone whose service holds one of the
    origins (such as ":8123"), or else the first one at all; what is taken is neither
    proposed nor built upon. None where nothing is left.
    """
    candidates = [
        rule
        for rule in ingress
        if rule.hostname
        and rule.path is None
        and "*" not in rule.hostname
        and in_zone(rule.hostname, zone)
        and rule.service.startswith(("http://", "https://"))
        and rule.hostname not in taken
    ]
    likely = (
        rule for rule in candidates if any(origin in rule.service for origin in origins)
    )
    if not (main := next(likely, next(iter(candidates), None))) or not main.hostname:
        return None
    label, _, rest = main.hostname.partition(".")
    proposed = read_hostname(f"{label}-mobile.{rest}")
    if main.hostname == zone.name or proposed is None:
        proposed = f"mobile.{zone.name}"
    return None if proposed in taken else (proposed, main.service)
