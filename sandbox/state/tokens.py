"""API tokens and their permissions."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network

from sandbox.clock import now

from .zones import Zone

ALL_PERMISSIONS = frozenset(
    {
        "zone:read",
        "dns:edit",
        "ssl:edit",
        "waf:edit",
        "tunnel:edit",
        "access_apps:edit",
        "access_organization:edit",
        "access_logs:read",
        "bots:edit",
        "settings:edit",
        "analytics:read",
        "firewall:edit",
        "account_firewall:edit",
        "workers:edit",
        "redirects:edit",
        "origin_rules:edit",
        "transform:edit",
    }
)


class TokenKind(StrEnum):
    """Who owns a token."""

    USER = "user"
    ACCOUNT = "account"


class TokenStatus(StrEnum):
    """Whether a token may be used."""

    ACTIVE = "active"
    DISABLED = "disabled"
    EXPIRED = "expired"


@dataclass
class Token:
    """An API token."""

    id: str
    kind: TokenKind
    permissions: frozenset[str]
    status: TokenStatus
    zones: frozenset[str] | None
    account_id: str | None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """The networks that the token may be used from; empty means any."""
    not_before: datetime | None = None
    expires_on: datetime | None = None
    unreliable_until: datetime = field(default_factory=now)
    """Until then, every second call with a new token is refused."""
    uses: int = 0

    @property
    def current_status(self) -> TokenStatus:
        """Return the status now, with expiry and not_before taken into account."""
        if self.expires_on is not None and self.expires_on <= now():
            return TokenStatus.EXPIRED
        if self.not_before is not None and now() < self.not_before:
            # GUESS: a token that is not valid yet counts as disabled.
            return TokenStatus.DISABLED
        return self.status

    @property
    def owner(self) -> str:
        """Return the owner, for the rate limit: an account, or the sandbox's only user."""
        return self.account_id or "user"

    def allows(self, permission: str) -> bool:
        """Return whether the token has a permission; edit implies read."""
        resource = permission.partition(":")[0]
        return not self.permissions.isdisjoint({permission, f"{resource}:edit"})

    def reaches_account(self, account_id: str) -> bool:
        """Return whether the token may be used for an account."""
        return self.account_id in (None, account_id)

    def reaches_zone(self, zone: Zone) -> bool:
        """Return whether the token may be used for a zone."""
        return self.reaches_account(zone.account_id) and (
            self.zones is None or zone.id in self.zones
        )
