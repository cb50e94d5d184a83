"""The state of the sandbox's Cloudflare: plain dataclasses that tests may edit."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
import secrets
import string

from cryptography import x509

from sandbox.budget import Budget
from sandbox.clock import Delays, now

from .access import (
    Access,
    AccessApplication,
    AccessGroup,
    AccessPolicy,
    IdentityProvider,
)
from .access_people import (
    AccessPeople,
    AccessUser,
    ApplicationSession,
    LoginRow,
    LoginSession,
    PolicyTest,
    SentPin,
)
from .ids import new_id, new_uuid
from .ip_access_rules import IpAccessRule
from .rules import (
    FIREWALL_PHASE,
    ORIGIN_PHASE,
    REDIRECT_PHASE,
    TRANSFORM_PHASE,
    Rule,
    Ruleset,
)
from .tokens import ALL_PERMISSIONS, Token, TokenKind, TokenStatus
from .tunnels import COLOS, Connection, Connector, Tunnel, TunnelStatus
from .visits import BlockedRequest, Visitor
from .workers import Worker, WorkerRoute
from .zones import (
    REVOKED,
    CertificatePack,
    CertificateStatus,
    ClientCertificate,
    DnsRecord,
    Plan,
    Setting,
    Zone,
)

__all__ = [
    "ALL_PERMISSIONS",
    "COLOS",
    "FIREWALL_PHASE",
    "ORIGIN_PHASE",
    "REDIRECT_PHASE",
    "REVOKED",
    "TRANSFORM_PHASE",
    "Access",
    "AccessApplication",
    "AccessGroup",
    "AccessPeople",
    "AccessPolicy",
    "AccessUser",
    "Account",
    "ApplicationSession",
    "BlockedRequest",
    "CertificatePack",
    "CertificateStatus",
    "ClientCertificate",
    "Connection",
    "Connector",
    "DnsRecord",
    "IdentityProvider",
    "IpAccessRule",
    "LoginRow",
    "LoginSession",
    "Plan",
    "PolicyTest",
    "Rule",
    "Ruleset",
    "SentPin",
    "Setting",
    "State",
    "Switches",
    "Token",
    "TokenKind",
    "TokenStatus",
    "Tunnel",
    "TunnelStatus",
    "Visitor",
    "Worker",
    "WorkerRoute",
    "Zone",
]


@dataclass
class Account:
    """A Cloudflare account."""

    id: str
    name: str
    created_on: datetime = field(default_factory=now)
    access: Access = field(default_factory=Access)
    ip_access_rules: list[IpAccessRule] = field(default_factory=list)
    """The rules for every zone of the account."""
    workers: dict[str, Worker] = field(default_factory=dict)
    """The Workers of the account, by the name of their script."""


@dataclass
class Switches:
    """Choices for behaviour on which the sources contradict each other."""

    refuses_zone_list: bool = False
    """Whether a token that may not read zones is refused, as recorded in 2020, or gets an
    empty list."""
    strips_parentheses: bool = True
    """Whether Cloudflare strips a rule's outer parentheses, as users reported, or keeps
    them, as octorules expects."""
    refused_skips: list[str] = field(default_factory=list)
    """Phases and products that no rule may skip; which ones a plan allows is unknown."""
    missing_access_is_forbidden: bool = False
    """Whether Access that was never set up answers 403, as recorded once, or 404."""
    drops_unknown_policies: bool = False
    """Whether a change of an application that names an unknown policy detaches all of its
    policies in silence, as users of DockFlare saw, or is refused."""


@dataclass
class State:
    """Everything that Cloudflare stores; edit it directly, as a user of the dashboard would."""

    accounts: dict[str, Account] = field(default_factory=dict)
    zones: dict[str, Zone] = field(default_factory=dict)
    tunnels: dict[str, Tunnel] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict, repr=False)
    visitor: Visitor = field(default_factory=Visitor)
    blocked: list[BlockedRequest] = field(default_factory=list)
    delays: Delays = field(default_factory=Delays)
    budget: Budget = field(default_factory=Budget)
    switches: Switches = field(default_factory=Switches)
    ip_access_rules: list[IpAccessRule] = field(default_factory=list)
    """The rules of the user, for every zone that they own."""
    origins: dict[str, str] = field(default_factory=dict)
    """The real address of each service that ingress rules name."""

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
        """Add an active zone with Universal SSL, by default to the first account."""
        account = account or self._first_account()
        zone = Zone(id or new_id(), name, account.id, Plan(plan))
        universal = [zone.ascii_name, f"*.{zone.ascii_name}"]
        zone.certificate_packs.append(CertificatePack(universal))
        self.zones[zone.id] = zone
        return zone

    def add_tunnel(
        self,
        name: str,
        config_src: str = "cloudflare",
        account: Account | None = None,
        id: str = "",
    ) -> Tunnel:
        """Add a tunnel that never ran, by default to the first account."""
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
        networks: Iterable[str] = (),
        not_before: datetime | None = None,
        expires_on: datetime | None = None,
    ) -> str:
        """Add a token and return its secret text."""
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
            networks=tuple(ip_network(network) for network in networks),
            not_before=not_before,
            expires_on=expires_on,
            unreliable_until=now() + timedelta(seconds=self.delays.new_token),
        )
        return secret

    def zone_of(self, hostname: str) -> Zone | None:
        """Return the zone of a hostname, the longest match; None if there is no zone."""
        return max(
            (zone for zone in self.zones.values() if zone.contains(hostname)),
            key=lambda zone: len(zone.ascii_name),
            default=None,
        )

    def account_of_team(self, hostname: str) -> Account | None:
        """Return the account whose login pages have this hostname."""
        return next(
            (
                account
                for account in self.accounts.values()
                if account.access.team is not None
                and account.access.auth_domain == hostname
            ),
            None,
        )

    def is_revoked(self, account_id: str, certificate: x509.Certificate) -> bool:
        """Return whether the edge knows that a zone of the account revoked a certificate."""
        return any(
            record.certificate == certificate
            and (record.status_at_edge or record.status) in REVOKED
            for zone in self.zones.values()
            if zone.account_id == account_id
            for record in zone.certificates.values()
        )

    def _first_account(self) -> Account:
        return next(iter(self.accounts.values()))
