"""What must stand at Cloudflare for the settings that a person chose (pure)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
import re
from typing import Any, Final

from .expressions import Admission, block_expression, skip_expression
from .models import TUNNEL_DOMAIN, IngressRule, Zone

BLOCK_REF: Final = "cloudflare_mtls_block"
SKIP_REF: Final = "cloudflare_mtls_skip"
RECORD_COMMENT: Final = "Home Assistant: Cloudflare mTLS"

_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOSTNAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_SERVICE: Final = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
)
_EXEMPT_PATH: Final = re.compile(r"(?:/(?!\.{1,2}/)[A-Za-z0-9._~-]+)+/")


class Skippable(StrEnum):
    """What verified devices need not pass, besides the zone's other custom rules.

    Source: developers.cloudflare.com, WAF custom rules, skip options.
    """

    RATE_LIMITING_RULES = "http_ratelimit"
    MANAGED_RULES = "http_request_firewall_managed"
    SUPER_BOT_FIGHT_MODE = "http_request_sbfm"
    BROWSER_INTEGRITY_CHECK = "bic"
    HOTLINK_PROTECTION = "hot"
    RATE_LIMITING = "rateLimit"
    SECURITY_LEVEL = "securityLevel"
    USER_AGENT_BLOCKING = "uaBlock"
    FORMER_MANAGED_RULES = "waf"
    ZONE_LOCKDOWN = "zoneLockdown"

    @property
    def key(self) -> str:
        """Return the parameter of a skip rule that names it."""
        return "phases" if self.startswith("http_") else "products"


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


def skip_parameters(skipped: Iterable[Skippable]) -> dict[str, Any]:
    """Return what makes a rule skip the custom rules after it, and all of this.

    Source: developers.cloudflare.com, WAF custom rules, skip options.
    """
    parameters: dict[str, Any] = {"ruleset": "current"}
    for item in sorted(skipped):
        parameters.setdefault(item.key, []).append(item.value)
    return parameters


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
