"""The steps of a plan for a login hostname (pure)."""

from dataclasses import dataclass
from enum import StrEnum

from ..api.access_models import AccessApplication, AccessGroup, AccessPolicy
from .drift import Drift


class LoginKind(StrEnum):
    """What a step changes, in the order of a set-up."""

    LOGIN_METHOD = "login_method"
    TAG = "access_tag"
    GROUP = "access_group"
    POLICY = "access_policy"
    PATH_APPLICATION = "path_application"
    APPLICATION = "access_application"
    CONNECTOR_TOKEN = "connector_token"


class LoginAction(StrEnum):
    """What a step does to it."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ADOPT = "adopt"
    RELEASE = "release"


@dataclass(frozen=True, kw_only=True)
class LoginMethodStep:
    """Let people log in by a code that they get by e-mail."""

    target: str
    action: LoginAction = LoginAction.CREATE
    kind: LoginKind = LoginKind.LOGIN_METHOD
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class TagStep:
    """Create our tag, which applications must exist for, or delete it."""

    action: LoginAction
    target: str
    kind: LoginKind = LoginKind.TAG
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class GroupStep:
    """Write our group of countries, or delete it; found is what it replaces."""

    action: LoginAction
    target: str
    found: AccessGroup | None = None
    kind: LoginKind = LoginKind.GROUP
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class _FixingStep:
    """Write something; of what was found, only what is to be fixed changes."""

    action: LoginAction
    target: str
    fixes: frozenset[Drift] = frozenset()

    @property
    def detail(self) -> str:
        """Return what changes."""
        return ", ".join(sorted(self.fixes))


@dataclass(frozen=True, kw_only=True)
class PolicyStep(_FixingStep):
    """Write our policy, or delete it."""

    found: AccessPolicy | None = None
    kind: LoginKind = LoginKind.POLICY


@dataclass(frozen=True, kw_only=True)
class PathApplicationStep:
    """Leave a path open, or close it by deleting its application."""

    action: LoginAction
    target: str
    path: str = ""
    found: AccessApplication | None = None
    kind: LoginKind = LoginKind.PATH_APPLICATION
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class ApplicationStep(_FixingStep):
    """Write the application in front of the hostname, delete, adopt or release it.

    removes: the ids of the policies of others that do not stay with it.
    """

    found: AccessApplication | None = None
    removes: frozenset[str] = frozenset()
    kind: LoginKind = LoginKind.APPLICATION


@dataclass(frozen=True, kw_only=True)
class ConnectorTokenStep:
    """Have a tunnel's cloudflared demand the token of a login, or no longer demand it."""

    action: LoginAction
    target: str
    tunnel_id: str
    kind: LoginKind = LoginKind.CONNECTOR_TOKEN
    detail: str = ""


type LoginStep = (
    LoginMethodStep
    | TagStep
    | GroupStep
    | PolicyStep
    | PathApplicationStep
    | ApplicationStep
    | ConnectorTokenStep
)
