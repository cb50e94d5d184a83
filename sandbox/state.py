"""What the sandbox's Cloudflare remembers: plain records, free to edit."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
import secrets
import string
from typing import Any
import uuid

from cryptography import x509

FIREWALL_PHASE = "http_request_firewall_custom"

ALL_PERMISSIONS = frozenset(
    {"zone:read", "dns:edit", "ssl:edit", "waf:edit", "tunnel:edit"}
)


class Plan(StrEnum):
    """A zone's plan, by its legacy_id."""

    FREE = "free"
    PRO = "pro"
    BUSINESS = "business"
    ENTERPRISE = "enterprise"


class TokenKind(StrEnum):
    """Who owns a token."""

    USER = "user"
    ACCOUNT = "account"


class TokenStatus(StrEnum):
    """Whether a token may be used."""

    ACTIVE = "active"
    DISABLED = "disabled"
    EXPIRED = "expired"


class TunnelStatus(StrEnum):
    """How well a tunnel is connected."""

    INACTIVE = "inactive"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"


class CertificateStatus(StrEnum):
    """Where a client certificate is between active and revoked."""

    ACTIVE = "active"
    PENDING_REVOCATION = "pending_revocation"
    REVOKED = "revoked"
    PENDING_REACTIVATION = "pending_reactivation"


REVOKED = frozenset({CertificateStatus.PENDING_REVOCATION, CertificateStatus.REVOKED})


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def new_id() -> str:
    """Make an identifier such as those of zones, records and rules."""
    return secrets.token_hex(16)


def new_uuid() -> str:
    """Make an identifier such as those of tunnels and certificates."""
    return str(uuid.uuid4())


@dataclass
class Account:
    """A Cloudflare account."""

    id: str
    name: str
    created_on: datetime = field(default_factory=now)


@dataclass
class Token:
    """An API token."""

    id: str
    kind: TokenKind
    permissions: frozenset[str]
    status: TokenStatus
    zones: frozenset[str] | None
    account_id: str | None

    def allows(self, permission: str) -> bool:
        """Tell whether it carries a permission; edit implies read."""
        resource = permission.partition(":")[0]
        return not self.permissions.isdisjoint({permission, f"{resource}:edit"})

    def reaches_account(self, account_id: str) -> bool:
        """Tell whether an account is among its resources."""
        return self.account_id in (None, account_id)

    def reaches_zone(self, zone: Zone) -> bool:
        """Tell whether a zone is among its resources."""
        return self.reaches_account(zone.account_id) and (
            self.zones is None or zone.id in self.zones
        )


@dataclass
class DnsRecord:
    """A DNS record; `name` is fully qualified, without the trailing dot."""

    type: str
    name: str
    content: str
    proxied: bool = False
    ttl: int = 1
    comment: str | None = None
    tags: list[str] = field(default_factory=list)
    priority: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    created_on: datetime = field(default_factory=now)
    modified_on: datetime = field(default_factory=now)


@dataclass
class ClientCertificate:
    """A client certificate that the account's managed CA signed."""

    certificate: x509.Certificate
    csr: x509.CertificateSigningRequest
    validity_days: int
    status: CertificateStatus = CertificateStatus.ACTIVE
    id: str = field(default_factory=new_uuid)


@dataclass
class Rule:
    """One rule of a ruleset."""

    action: str
    expression: str
    description: str = ""
    enabled: bool = True
    action_parameters: dict[str, Any] | None = None
    logging: dict[str, Any] | None = None
    id: str = field(default_factory=new_id)
    ref: str = ""
    version: int = 1
    last_updated: datetime = field(default_factory=now)

    def __post_init__(self) -> None:
        """Let the reference default to the id."""
        self.ref = self.ref or self.id


@dataclass
class Ruleset:
    """A zone's rules of one phase."""

    phase: str
    rules: list[Rule] = field(default_factory=list)
    name: str = "default"
    description: str = ""
    id: str = field(default_factory=new_id)
    version: int = 1
    last_updated: datetime = field(default_factory=now)

    def replace_rules(self, rules: list[Rule]) -> None:
        """Publish a new version with these rules."""
        self.rules = rules
        self.version += 1
        self.last_updated = now()


@dataclass
class Zone:
    """A domain, with all that belongs to it."""

    id: str
    name: str
    account_id: str
    plan: Plan = Plan.FREE
    status: str = "active"
    paused: bool = False
    created_on: datetime = field(default_factory=now)
    dns_records: dict[str, DnsRecord] = field(default_factory=dict)
    certificates: dict[str, ClientCertificate] = field(default_factory=dict)
    associations: list[str] | None = None
    rulesets: dict[str, Ruleset] = field(default_factory=dict)

    def add_dns_record(self, record: DnsRecord) -> DnsRecord:
        """Add a record."""
        self.dns_records[record.id] = record
        return record

    def add_ruleset(self, ruleset: Ruleset) -> Ruleset:
        """Add a ruleset."""
        self.rulesets[ruleset.id] = ruleset
        return ruleset

    def entrypoint(self, phase: str = FIREWALL_PHASE) -> Ruleset | None:
        """Return the ruleset of a phase, if there is one."""
        return next((r for r in self.rulesets.values() if r.phase == phase), None)

    @property
    def rules(self) -> list[Rule]:
        """Return the custom rules, in order."""
        entrypoint = self.entrypoint()
        return entrypoint.rules if entrypoint else []

    def contains(self, hostname: str) -> bool:
        """Tell whether a hostname lies in this zone."""
        return hostname == self.name or hostname.endswith(f".{self.name}")

    def associates(self, hostname: str) -> bool:
        """Tell whether the edge asks a hostname's visitors for a certificate."""
        return hostname in (self.associations or ())


@dataclass
class Connection:
    """One of a connector's connections to a Cloudflare data centre."""

    colo_name: str
    id: str = field(default_factory=new_uuid)
    opened_at: datetime = field(default_factory=now)


@dataclass
class Connector:
    """A running cloudflared."""

    connections: list[Connection]
    version: str = "2026.10.0"
    arch: str = "linux_arm64"
    origin_ip: str = "198.51.100.7"
    id: str = field(default_factory=new_uuid)
    run_at: datetime = field(default_factory=now)


@dataclass
class Tunnel:
    """A Cloudflare Tunnel; `config` is kept as the JSON it came as."""

    id: str
    name: str
    account_id: str
    config_src: str = "cloudflare"
    status: TunnelStatus = TunnelStatus.INACTIVE
    connectors: list[Connector] = field(default_factory=list)
    config: dict[str, Any] | None = None
    version: int = 0
    created_at: datetime = field(default_factory=now)
    configured_at: datetime = field(default_factory=now)
    active_at: datetime | None = None
    inactive_at: datetime | None = None
    deleted_at: datetime | None = None
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def serves(self) -> bool:
        """Tell whether requests get through it."""
        return self.deleted_at is None and self.status in (
            TunnelStatus.HEALTHY,
            TunnelStatus.DEGRADED,
        )

    @property
    def ingress(self) -> list[dict[str, Any]]:
        """Return the ingress rules of its configuration."""
        rules: list[dict[str, Any]] = (self.config or {}).get("ingress", [])
        return rules

    def connect(self) -> None:
        """Let one healthy connector run."""
        colos = ("fra06", "fra08", "ams01", "ams04")
        self.connectors = [Connector([Connection(colo) for colo in colos])]
        self.status = TunnelStatus.HEALTHY
        self.active_at, self.inactive_at = now(), None

    def disconnect(self) -> None:
        """Stop every connector."""
        self.connectors = []
        self.status = TunnelStatus.DOWN
        self.active_at, self.inactive_at = None, now()


@dataclass
class Visitor:
    """Where the edge believes every visitor comes from."""

    ip: IPv4Address | IPv6Address = field(
        default_factory=lambda: IPv4Address("203.0.113.24")
    )
    country: str = "DE"
    asnum: int = 64496


@dataclass(frozen=True)
class BlockedRequest:
    """A request that a custom rule stopped."""

    time: datetime
    rule_id: str
    ref: str
    host: str
    path: str
    method: str
    user_agent: str
    country: str
    action: str


@dataclass
class State:
    """Everything; edit it at will, as somebody in the dashboard would."""

    accounts: dict[str, Account] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    tunnels: dict[str, Tunnel] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict, repr=False)
    visitor: Visitor = field(default_factory=Visitor)
    blocked: list[BlockedRequest] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    """Where a service of an ingress rule is really found."""

    def add_account(self, name: str = "Another account", id: str = "") -> Account:
        """Add an account."""
        account = Account(id or new_id(), name)
        self.accounts[account.id] = account
        return account

    def add_zone(
        self,
        name: str,
        account: Account | None = None,
        plan: Plan | str = Plan.FREE,
        id: str = "",
    ) -> Zone:
        """Add an active zone, to the first account unless another is given."""
        account = account or self._first_account()
        zone = Zone(id or new_id(), name, account.id, Plan(plan))
        self.zones[zone.id] = zone
        return zone

    def add_tunnel(
        self,
        name: str,
        config_src: str = "cloudflare",
        account: Account | None = None,
        id: str = "",
    ) -> Tunnel:
        """Add a tunnel that never ran, to the first account unless told."""
        account = account or self._first_account()
        tunnel = Tunnel(id or new_uuid(), name, account.id, config_src)
        self.tunnels[tunnel.id] = tunnel
        return tunnel

    def add_token(
        self,
        kind: TokenKind | str = TokenKind.USER,
        permissions: Iterable[str] = ALL_PERMISSIONS,
        status: TokenStatus | str = TokenStatus.ACTIVE,
        zones: Iterable[str] | None = None,
    ) -> str:
        """Add a token and return it."""
        kind = TokenKind(kind)
        prefix = {TokenKind.USER: "cfut_", TokenKind.ACCOUNT: "cfat_"}[kind]
        alphabet = string.ascii_letters + string.digits
        secret = prefix + "".join(secrets.choice(alphabet) for _ in range(40))
        self.tokens[secret] = Token(
            id=new_id(),
            kind=kind,
            permissions=frozenset(permissions),
            status=TokenStatus(status),
            zones=None if zones is None else frozenset(zones),
            account_id=self._first_account().id if kind is TokenKind.ACCOUNT else None,
        )
        return secret

    def zone_of(self, hostname: str) -> Zone | None:
        """Return the zone that a hostname lies in."""
        return max(
            (zone for zone in self.zones.values() if zone.contains(hostname)),
            key=lambda zone: len(zone.name),
            default=None,
        )

    def is_revoked(self, account_id: str, certificate: x509.Certificate) -> bool:
        """Tell whether any zone of the account has revoked a certificate."""
        return any(
            record.certificate == certificate and record.status in REVOKED
            for zone in self.zones.values()
            if zone.account_id == account_id
            for record in zone.certificates.values()
        )

    def _first_account(self) -> Account:
        return next(iter(self.accounts.values()))
