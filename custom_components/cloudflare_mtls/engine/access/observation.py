"""What was read of an account's Access, and what of it is ours (pure)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

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
from .marks import TAG, application_name, group_name, policy_name
from .settings import LoginSettings


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

    @cached_property
    def applications_by_id(self) -> Mapping[str, AccessApplication]:
        """Return the applications, by their ids."""
        return {each.id: each for each in self.applications}

    @cached_property
    def groups_by_id(self) -> Mapping[str, AccessGroup]:
        """Return the groups, by their ids."""
        return {each.id: each for each in self.groups}


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
    observation: AccessObservation, settings: LoginSettings, stored: OwnIds
) -> OwnObjects:
    """Return what is ours for a login hostname: by stored ids, or else by our marks.

    An answer may have been lost when something was created. Of what was adopted, only the
    application counts: all else for its hostname is somebody else's as well.
    """
    hostname = settings.hostname
    if settings.adopted:
        adopted = _in_front_of(observation, hostname, stored, _is_tagged)
        return OwnObjects(application=adopted)
    application = own_application(observation, hostname, stored)
    paths = tuple(
        each
        for each in observation.applications
        if each is not application
        and (each.id in stored.path_applications or _opens_a_path_of_ours(each))
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


def own_application(
    observation: AccessObservation, hostname: str, stored: OwnIds
) -> AccessApplication | None:
    """Return our application in front of a hostname."""
    return _in_front_of(observation, hostname, stored, _bears_our_marks)


def _in_front_of(
    observation: AccessObservation,
    hostname: str,
    stored: OwnIds,
    is_marked: Callable[[AccessApplication, str], bool],
) -> AccessApplication | None:
    """Return the application with the stored id, or else a marked one in front of a hostname."""
    return _by_id(observation.applications, stored.application) or next(
        (
            each
            for each in observation.applications
            if hostname in each.uris and is_marked(each, hostname)
        ),
        None,
    )


def _is_tagged(application: AccessApplication, _: str) -> bool:
    """Return whether an application has our tag, as one that was adopted has."""
    return TAG in application.tags


def _bears_our_marks(application: AccessApplication, address: str) -> bool:
    """Return whether an application is tagged and called as ours is.

    The dashboard offers our tag to everybody, so that the tag alone proves nothing.
    """
    name = application_name(address).lower()
    return TAG in application.tags and application.name.lower() == name


def _opens_a_path_of_ours(application: AccessApplication) -> bool:
    """Return whether an application bears our marks and does no more than leave a path open."""
    match application.uris, application.policies:
        case (uri,), (policy,):
            is_open = policy.lets_all_pass and not policy.reusable
            return is_open and _bears_our_marks(application, uri)
        case _:
            return False


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
