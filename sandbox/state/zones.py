"""A domain: its DNS records, its client certificates and its settings."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography import x509

from sandbox.clock import now

from ..names import ascii_form
from .ids import new_id, new_uuid
from .ip_access_rules import IpAccessRule
from .rules import FIREWALL_PHASE, Rule, Ruleset
from .workers import WorkerRoute


class Plan(StrEnum):
    """The plan of a zone; the values are the API's legacy_id."""

    FREE = "free"
    PRO = "pro"
    BUSINESS = "business"
    ENTERPRISE = "enterprise"


class CertificateStatus(StrEnum):
    """The status of a client certificate."""

    ACTIVE = "active"
    PENDING_REVOCATION = "pending_revocation"
    REVOKED = "revoked"
    PENDING_REACTIVATION = "pending_reactivation"


REVOKED = frozenset({CertificateStatus.PENDING_REVOCATION, CertificateStatus.REVOKED})


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
    listed: bool = True
    status_at_edge: CertificateStatus | None = None
    """The status that the edge still uses, if it has not learned of a change yet."""

    def __deepcopy__(self, _: object) -> ClientCertificate:
        """Copy the record and share the signed objects, which are immutable and not copyable."""
        return replace(self)


@dataclass
class CertificatePack:
    """Certificates that the edge shows visitors, for these hostnames."""

    hosts: list[str]
    type: str = "universal"
    status: str = "active"
    id: str = field(default_factory=new_uuid)

    def covers(self, hostname: str) -> bool:
        """Return whether it is good for a hostname: a star stands for one label."""
        parent = hostname.partition(".")[2]
        return self.status == "active" and (
            hostname in self.hosts or f"*.{parent}" in self.hosts
        )


@dataclass
class Setting:
    """The changed value of a zone setting."""

    value: str
    modified_on: datetime


@dataclass
class Zone:
    """A domain and everything that belongs to it; the API lists it by its Unicode name."""

    id: str
    name: str
    account_id: str
    plan: Plan = Plan.FREE
    status: str = "active"
    paused: bool = False
    type: str = "full"
    created_on: datetime = field(default_factory=now)
    dns_records: dict[str, DnsRecord] = field(default_factory=dict)
    certificates: dict[str, ClientCertificate] = field(default_factory=dict)
    certificate_packs: list[CertificatePack] = field(default_factory=list)
    associations: list[str] | None = None
    outdated_associations: list[list[str] | None] = field(default_factory=list)
    """Earlier associations that reads still return, the oldest first."""
    rulesets: dict[str, Ruleset] = field(default_factory=dict)
    settings: dict[str, Setting] = field(default_factory=dict)
    """The zone settings that were changed at least once."""
    bot_management: dict[str, Any] = field(default_factory=dict)
    """The bot management values that were changed at least once."""
    ip_access_rules: list[IpAccessRule] = field(default_factory=list)
    worker_routes: list[WorkerRoute] = field(default_factory=list)
    cached_pages: dict[str, str] = field(default_factory=dict)
    """The pages that the edge has in its cache, by hostname and path."""

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
        return next(
            (
                ruleset
                for ruleset in self.rulesets.values()
                if (ruleset.phase, ruleset.kind) == (phase, "zone")
            ),
            None,
        )

    @property
    def rules(self) -> list[Rule]:
        """Return the custom rules, in order."""
        return self.rules_of(FIREWALL_PHASE)

    def rules_of(self, phase: str) -> list[Rule]:
        """Return the rules of a phase, in order."""
        entrypoint = self.entrypoint(phase)
        return entrypoint.rules if entrypoint else []

    @property
    def ascii_name(self) -> str:
        """Return the name as DNS has it."""
        return ascii_form(self.name)

    def contains(self, hostname: str) -> bool:
        """Return whether a hostname belongs to this zone, in either spelling."""
        return f".{ascii_form(hostname)}".endswith(f".{self.ascii_name}")

    def pack_for(self, hostname: str) -> CertificatePack | None:
        """Return the certificates that the edge shows visitors of a hostname, if there are any."""
        packs = self.certificate_packs
        return next((pack for pack in packs if pack.covers(hostname)), None)

    def associates(self, hostname: str) -> bool:
        """Return whether the edge asks visitors of a hostname for a certificate."""
        return hostname in (self.associations or ())
