"""What Cloudflare answers: parsed once, never changed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Self

from .ingress import TunnelConfiguration
from .json_fields import Fields, malformed
from .names import in_dns, in_letters

TUNNEL_DOMAIN: Final = "cfargotunnel.com"
ADDRESS_TYPES: Final = frozenset({"A", "AAAA", "CNAME"})


class TokenStatus(StrEnum):
    """The state of a token."""

    ACTIVE = "active"
    DISABLED = "disabled"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account, as its zones name it."""

    id: str
    name: str


class ZoneType(StrEnum):
    """Where a zone's DNS records come from."""

    FULL = "full"
    """Cloudflare has them."""
    PARTIAL = "partial"
    """Another provider has them, and points single hostnames to Cloudflare."""
    SECONDARY = "secondary"
    """Cloudflare copies them from another server."""


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A zone that the token can see; a type that we do not know is None."""

    id: str
    name: str
    account: Account
    plan: str
    active: bool
    paused: bool = False
    type: ZoneType | None = ZoneType.FULL

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /zones."""
        if (account := fields.object("account")) is None:
            raise malformed("account")
        plan = fields.object("plan")
        try:
            zone_type = ZoneType(fields.optional_text("type") or "full")
        except ValueError:
            zone_type = None
        return cls(
            id=fields.text("id"),
            name=in_dns(fields.text("name")),
            account=Account(
                id=account.text("id"),
                name=account.optional_text("name") or account.text("id"),
            ),
            plan=(plan.optional_text("legacy_id") if plan else None) or "free",
            active=fields.optional_text("status") == "active"
            and not fields.flag("paused", default=False),
            paused=fields.flag("paused", default=False),
            type=zone_type,
        )

    @property
    def title(self) -> str:
        """Return the name as people read it."""
        return in_letters(self.name)


class TunnelStatus(StrEnum):
    """The health of a tunnel, as Cloudflare judges it."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    INACTIVE = "inactive"


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """A tunnel of the account."""

    id: str
    name: str
    status: TunnelStatus | None
    remotely_managed: bool
    created_at: datetime | None
    connected_since: datetime | None
    disconnected_since: datetime | None

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /accounts/{account_id}/cfd_tunnel."""
        try:
            status = TunnelStatus(fields.optional_text("status") or "")
        except ValueError:
            status = None
        return cls(
            id=fields.text("id"),
            name=fields.optional_text("name") or fields.text("id"),
            status=status,
            remotely_managed=fields.optional_text("config_src") == "cloudflare"
            or fields.flag("remote_config", default=False),
            created_at=fields.time("created_at"),
            connected_since=fields.time("conns_active_at"),
            disconnected_since=fields.time("conns_inactive_at"),
        )

    @property
    def never_connected(self) -> bool:
        """Return whether no connector ever ran it: then Cloudflare counts from its creation."""
        return self.status is TunnelStatus.INACTIVE and self.disconnected_since in (
            None,
            self.created_at,
        )

    @property
    def cut_off(self) -> bool:
        """Return whether it was connected before and is not now."""
        return self.status is TunnelStatus.DOWN or (
            self.status is TunnelStatus.INACTIVE and not self.never_connected
        )


@dataclass(frozen=True)
class ConnectorToken:
    """What a connector needs to run a tunnel: anybody who has it can serve its hostnames."""

    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Connector:
    """A running cloudflared, its number of connections, and the locations that they lead to."""

    id: str
    version: str | None
    connections: int
    locations: frozenset[str]

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /accounts/{account_id}/cfd_tunnel/{tunnel_id}/connections."""
        connections = [
            connection
            for connection in fields.objects("conns")
            if not connection.flag("is_pending_reconnect", default=False)
        ]
        locations = (item.optional_text("colo_name") for item in connections)
        return cls(
            id=fields.text("id"),
            version=fields.optional_text("version"),
            connections=len(connections),
            locations=frozenset(location for location in locations if location),
        )


@dataclass(frozen=True, kw_only=True)
class DnsRecord:
    """A DNS record."""

    id: str
    name: str
    type: str
    content: str
    proxied: bool
    comment: str | None
    created_on: datetime | None = None

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /zones/{zone_id}/dns_records."""
        return cls(
            id=fields.text("id"),
            name=in_dns(fields.text("name")),
            type=fields.text("type"),
            content=fields.optional_text("content") or "",
            proxied=fields.flag("proxied", default=False),
            comment=fields.optional_text("comment"),
            created_on=fields.time("created_on"),
        )

    @property
    def tunnel_id(self) -> str | None:
        """Return the id of the tunnel that the record leads to."""
        target, _, domain = self.content.lower().rstrip(".").partition(".")
        return target if domain == TUNNEL_DOMAIN else None


# Four times what Cloudflare takes: the time to read an expression grows with its length.
_MAX_EXPRESSION: Final = 16384
# What a rule is. Others, such as exposed_credential_check and ratelimit, are conditions.
_RULE_KEYS: Final = frozenset(
    {
        "action",
        "action_parameters",
        "categories",
        "description",
        "enabled",
        "expression",
        "id",
        "last_updated",
        "logging",
        "ref",
        "version",
    }
)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A custom rule of a zone.

    One that has conditions beside its expression applies to some requests only that match it.
    One that lost its mark is known to be ours by what it does.
    """

    id: str
    ref: str
    action: str
    expression: str
    description: str
    enabled: bool
    action_parameters: Mapping[str, Any]
    has_other_conditions: bool = False
    lost_mark: bool = False

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of a ruleset's rules."""
        parameters = fields.object("action_parameters")
        expression = fields.optional_text("expression") or ""
        if len(expression) > _MAX_EXPRESSION:
            raise malformed("expression")
        return cls(
            id=fields.text("id"),
            ref=fields.optional_text("ref") or fields.text("id"),
            action=fields.text("action"),
            expression=expression,
            description=fields.optional_text("description") or "",
            enabled=fields.flag("enabled", default=True),
            action_parameters=parameters.raw() if parameters else {},
            has_other_conditions=any(
                value is not None and key not in _RULE_KEYS
                for key, value in fields.raw().items()
            ),
        )

    @property
    def products(self) -> Sequence[object]:
        """Return the products that a skip rule names; somebody else's may name anything."""
        named = self.action_parameters.get("products")
        return named if isinstance(named, list) else ()


@dataclass(frozen=True, kw_only=True)
class Ruleset:
    """The zone's custom rules, in the order in which they are tried.

    A zone that never had one has no ruleset yet, so the id is None.
    """

    id: str | None = None
    rules: tuple[Rule, ...] = ()

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read a ruleset; an empty one may leave out its rules."""
        return cls(
            id=fields.text("id"),
            rules=tuple(Rule.parse(rule) for rule in fields.objects("rules")),
        )

    def by_ref(self, ref: str) -> Rule | None:
        """Return the rule with this ref."""
        return next((rule for rule in self.rules if rule.ref == ref), None)


@dataclass(frozen=True, kw_only=True)
class IpAccessRule:
    """A rule for visitors from somewhere: an address, a network, a country, an AS."""

    id: str
    mode: str
    value: str

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /zones/{zone_id}/firewall/access_rules/rules."""
        if (configuration := fields.object("configuration")) is None:
            raise malformed("configuration")
        return cls(
            id=fields.text("id"),
            mode=fields.text("mode"),
            value=configuration.text("value"),
        )


@dataclass(frozen=True, kw_only=True)
class WorkerRoute:
    """A pattern of addresses, and the Worker that runs for their requests, if one does."""

    id: str
    pattern: str
    script: str | None

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /zones/{zone_id}/workers/routes."""
        return cls(
            id=fields.text("id"),
            pattern=fields.text("pattern"),
            script=fields.optional_text("script") or None,
        )


class CertificateStatus(StrEnum):
    """The status of a client certificate at Cloudflare."""

    ACTIVE = "active"
    PENDING_REACTIVATION = "pending_reactivation"
    PENDING_REVOCATION = "pending_revocation"
    REVOKED = "revoked"


@dataclass(frozen=True, kw_only=True)
class ClientCertificate:
    """A client certificate of a zone; a status that we do not know is None."""

    id: str
    pem: str
    status: CertificateStatus | None

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read an item of GET /zones/{zone_id}/client_certificates.

        Answers of 2020 had no status, because every certificate was active.
        """
        try:
            status = CertificateStatus(fields.optional_text("status") or "active")
        except ValueError:
            status = None
        return cls(id=fields.text("id"), pem=fields.text("certificate"), status=status)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Everything that decides who reaches the hostnames of one zone."""

    zone: Zone
    ruleset: Ruleset
    associations: tuple[str, ...]
    records: tuple[DnsRecord, ...]
    configurations: Mapping[str, TunnelConfiguration]
    # None of these has a configuration above. Of a local one, only the file beside cloudflared
    # knows the ingress rules; of an unread one nothing is known.
    local_tunnels: frozenset[str] = frozenset()
    gone_tunnels: frozenset[str] = frozenset()
    unread_tunnels: frozenset[str] = frozenset()
    # None where they are not known; nobody gets in by them.
    header_rules: Ruleset | None = None

    def records_of(self, hostname: str) -> Sequence[DnsRecord]:
        """Return the records of exactly this hostname."""
        return self._records_by_name.get(hostname, ())

    def wildcards_over(self, hostname: str) -> list[DnsRecord]:
        """Return the wildcard records that match a hostname."""
        return [item for item in self._wildcards if name_matches(item.name, hostname)]

    def is_associated(self, hostname: str) -> bool:
        """Return whether visitors of a hostname are asked for a certificate."""
        return hostname in self._associated

    @cached_property
    def _associated(self) -> frozenset[str]:
        return frozenset(map(in_dns, self.associations))

    @cached_property
    def _records_by_name(self) -> Mapping[str, Sequence[DnsRecord]]:
        """Return the records by their names, sorted once for all hostnames."""
        by_name = defaultdict[str, list[DnsRecord]](list)
        for record in self.records:
            by_name[record.name].append(record)
        return by_name

    @cached_property
    def _wildcards(self) -> list[DnsRecord]:
        return [record for record in self.records if record.name.startswith("*.")]


def name_matches(pattern: str, hostname: str) -> bool:
    """Return whether a name, which may begin with a wildcard label, matches a hostname."""
    if pattern.startswith("*."):
        return hostname.endswith(pattern[1:]) and hostname != pattern[2:]
    return pattern == hostname


class Setting(StrEnum):
    """A setting of a zone that affects the companion apps."""

    WEBSOCKETS = "websockets"
    SECURITY_LEVEL = "security_level"
    ZERO_RTT = "0rtt"
    MIN_TLS_VERSION = "min_tls_version"
    HTTP3 = "http3"
