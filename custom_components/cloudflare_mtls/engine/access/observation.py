"""What was read of an account's Access, and what of it is ours (pure)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..api.access_models import (
    AccessApplication,
    AccessGroup,
    AccessPolicy,
    LoginMethod,
    Organization,
    WithId,
)
from ..api.ingress import TunnelConfiguration
from .coverage import host_of, path_of
from .marks import TAG, group_name, policy_name


@dataclass(frozen=True, kw_only=True)
class OwnIds:
    """The ids of what is ours for a login hostname, to be stored."""

    application: str | None = None
    path_applications: frozenset[str] = frozenset()
    policy: str | None = None
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccessObservation:
    """Everything that decides who gets through Access.

    configurations: those of the tunnels whose cloudflared may demand the token, by tunnel id.
    """

    organization: Organization
    login_methods: tuple[LoginMethod, ...] = ()
    applications: tuple[AccessApplication, ...] = ()
    policies: tuple[AccessPolicy, ...] = ()
    groups: tuple[AccessGroup, ...] = ()
    tags: frozenset[str] = frozenset()
    configurations: Mapping[str, TunnelConfiguration] = field(default_factory=dict)

    @property
    def one_time_pin(self) -> LoginMethod | None:
        """Return the login method that sends people a code."""
        return next((each for each in self.login_methods if each.is_one_time_pin), None)


@dataclass(frozen=True, kw_only=True)
class OwnObjects:
    """What is ours for a login hostname."""

    application: AccessApplication | None = None
    path_applications: tuple[AccessApplication, ...] = ()
    policy: AccessPolicy | None = None
    group: AccessGroup | None = None

    @property
    def ids(self) -> OwnIds:
        """Return the ids, to be stored."""
        return OwnIds(
            application=self.application.id if self.application else None,
            path_applications=frozenset(each.id for each in self.path_applications),
            policy=self.policy.id if self.policy else None,
            group=self.group.id if self.group else None,
        )


def find_own(
    observation: AccessObservation, hostname: str, stored: OwnIds
) -> OwnObjects:
    """Return what is ours for a login hostname: by stored ids, or else by our marks.

    An application that carries our tag is ours if it stands in front of this hostname. A policy or
    group that bears the name of ours is ours while nothing else uses it: an answer may have been
    lost when it was created.
    """
    tagged = [each for each in observation.applications if TAG in each.tags]
    application = _by_id(observation.applications, stored.application) or next(
        (each for each in tagged if hostname in each.uris), None
    )
    paths = tuple(
        each
        for each in observation.applications
        if each is not application
        and (each.id in stored.path_applications or each in tagged)
        and _only_paths_of(each, hostname)
    )
    policy = _by_id(observation.policies, stored.policy) or _policy_by_name(
        observation, hostname, application
    )
    group = _by_id(observation.groups, stored.group) or next(
        (each for each in observation.groups if each.name == group_name(hostname)),
        None,
    )
    return OwnObjects(
        application=application, path_applications=paths, policy=policy, group=group
    )


def _policy_by_name(
    observation: AccessObservation,
    hostname: str,
    application: AccessApplication | None,
) -> AccessPolicy | None:
    attached = {each.id for each in application.policies} if application else set()
    named = [
        each for each in observation.policies if each.name == policy_name(hostname)
    ]
    used = (each for each in named if each.id in attached)
    unused = (each for each in named if each.application_count == 0)
    return next(used, None) or next(unused, None)


def _only_paths_of(application: AccessApplication, hostname: str) -> bool:
    return bool(application.uris) and all(
        host_of(uri) == hostname and path_of(uri) for uri in application.uris
    )


def _by_id[ItemT: WithId](items: Iterable[ItemT], wanted: str | None) -> ItemT | None:
    return next((item for item in items if item.id == wanted), None)
