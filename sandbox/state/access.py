"""An account's Zero Trust: applications, policies and identity providers."""

from dataclasses import dataclass, field
from datetime import datetime
import secrets
from typing import Any

from sandbox.clock import now

from .ids import new_uuid


@dataclass
class AccessPolicy:
    """An Access policy; its rules are kept as the JSON that was sent."""

    name: str
    decision: str
    include: list[dict[str, Any]]
    require: list[dict[str, Any]] = field(default_factory=list)
    exclude: list[dict[str, Any]] = field(default_factory=list)
    session_duration: str | None = None
    id: str = field(default_factory=new_uuid)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass
class AccessApplication:
    """A self-hosted application; `options` is kept as the JSON that was sent."""

    name: str
    destinations: list[dict[str, Any]]
    policies: list[AccessPolicy] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_uuid)
    aud: str = field(default_factory=lambda: secrets.token_hex(32))
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass
class IdentityProvider:
    """An identity provider: a way to log in."""

    type: str
    name: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_uuid)


@dataclass
class Access:
    """An account's Zero Trust; `team` is None until it is set up."""

    team: str | None = None
    applications: dict[str, AccessApplication] = field(default_factory=dict)
    policies: dict[str, AccessPolicy] = field(default_factory=dict)
    """The reusable policies."""
    identity_providers: list[IdentityProvider] = field(default_factory=list)

    @property
    def auth_domain(self) -> str:
        """Return the domain of the login pages."""
        return f"{self.team}.cloudflareaccess.com"
