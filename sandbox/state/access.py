"""An account's Zero Trust: applications, policies, groups, login methods and the organization."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import secrets
from typing import Any

from sandbox.clock import now

from .access_people import AccessPeople
from .ids import new_uuid


@dataclass
class AccessPolicy:
    """An Access policy; its rules and options are kept as the JSON that was sent."""

    name: str
    decision: str
    include: list[dict[str, Any]]
    require: list[dict[str, Any]] = field(default_factory=list)
    exclude: list[dict[str, Any]] = field(default_factory=list)
    session_duration: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_uuid)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    usable_from: datetime = field(default_factory=now)
    """From then on every part of Cloudflare knows the policy."""


@dataclass
class AccessApplication:
    """An application, self-hosted unless its type says otherwise; `options` is JSON as it was sent."""

    name: str
    destinations: list[dict[str, Any]]
    policies: list[AccessPolicy] = field(default_factory=list)
    """The policies by precedence; those of the account, and those of this application alone."""
    options: dict[str, Any] = field(default_factory=dict)
    precedences: dict[str, int] = field(default_factory=dict)
    """The number of each policy, by its id; without one, its place in the list counts."""
    type: str = "self_hosted"
    id: str = field(default_factory=new_uuid)
    aud: str = field(default_factory=lambda: secrets.token_hex(32))
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass
class AccessGroup:
    """A group: rules that policies refer to by its id."""

    name: str
    include: list[dict[str, Any]]
    require: list[dict[str, Any]] = field(default_factory=list)
    exclude: list[dict[str, Any]] = field(default_factory=list)
    id: str = field(default_factory=new_uuid)
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)


@dataclass
class IdentityProvider:
    """An identity provider: a way to log in."""

    type: str
    name: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=new_uuid)
    version: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass
class Lag:
    """What readers see who learn of changes late: each state, until its successor reaches them."""

    states: list[tuple[datetime, Access]] = field(default_factory=list, repr=False)

    def keep(self, state: Access, seconds: float) -> None:
        """Show a state for some more seconds, although it is about to change."""
        if seconds > 0:
            self.states.append((now() + timedelta(seconds=seconds), state))

    def seen(self) -> Access | None:
        """Return the state that readers still see; None once they see the present one."""
        self.states = [each for each in self.states if each[0] > now()]
        return self.states[0][1] if self.states else None


@dataclass
class Access:
    """An account's Zero Trust; `team` is None until it is set up."""

    team: str | None = None
    applications: dict[str, AccessApplication] = field(default_factory=dict)
    policies: dict[str, AccessPolicy] = field(default_factory=dict)
    """The reusable policies."""
    groups: dict[str, AccessGroup] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    identity_providers: list[IdentityProvider] = field(default_factory=list)
    organization: dict[str, Any] = field(default_factory=dict)
    """The settings that the organization's API takes, as they were sent."""
    people: AccessPeople = field(default_factory=AccessPeople)
    list_lag: Lag = field(default_factory=Lag)
    edge_lag: Lag = field(default_factory=Lag)

    @property
    def auth_domain(self) -> str:
        """Return the domain of the login pages."""
        return f"{self.team}.cloudflareaccess.com"

    @property
    def listed(self) -> Access:
        """Return what lists show, which can be older than what is read by id."""
        return self.list_lag.seen() or self

    @property
    def at_edge(self) -> Access:
        """Return what the edge goes by; people and their sessions are always the present ones."""
        return self.edge_lag.seen() or self

    def before_change(self, *, list_delay: float, edge_delay: float) -> None:
        """Keep the present settings for readers who will learn of a change late."""
        if max(list_delay, edge_delay) <= 0:
            return
        applications, policies, groups, tags, providers, organization = deepcopy(
            (
                self.applications,
                self.policies,
                self.groups,
                self.tags,
                self.identity_providers,
                self.organization,
            )
        )
        earlier = replace(
            self,
            applications=applications,
            policies=policies,
            groups=groups,
            tags=tags,
            identity_providers=providers,
            organization=organization,
        )
        self.list_lag.keep(earlier, list_delay)
        self.edge_lag.keep(earlier, edge_delay)
