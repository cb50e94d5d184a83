"""What stands in the way of a login hostname, and what only a person can solve (pure)."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ..api.access_models import CLOUDFLARE_ACCOUNT, AccessUser, Organization
from ..api.errors import EngineError, PermissionMissing, ZeroTrustNotSetUp
from ..api.names import is_at_or_below
from .contents import contents_of
from .coverage import covering, host_of, path_of
from .observation import AccessObservation, OwnObjects
from .settings import LoginSettings, People, PeopleOfGroup, address_of

FREE_SEATS: Final = 50


class LoginProblemCode(StrEnum):
    """The kind of a problem."""

    ZERO_TRUST_NOT_SET_UP = "zero_trust_not_set_up"
    PERMISSION_MISSING = "permission_missing"
    FOREIGN_APPLICATION = "foreign_application"
    FOREIGN_WILDCARD = "foreign_wildcard"
    FOREIGN_PATH = "foreign_path"
    NOTHING_TO_ADOPT = "nothing_to_adopt"
    LOGIN_AT_MOBILE_HOSTNAME = "login_at_mobile_hostname"
    MOBILE_HOSTNAME_DENIED = "mobile_hostname_denied"
    NO_LOGIN_METHOD = "no_login_method"
    LOGIN_METHOD_GONE = "login_method_gone"
    ONLY_CLOUDFLARE_LOGIN = "only_cloudflare_login"
    GROUP_GONE = "group_gone"
    ALSO_PROTECTS = "also_protects"
    CONNECTOR_CANNOT_DEMAND = "connector_cannot_demand"
    SEATS = "seats"

    @property
    def blocks_set_up(self) -> bool:
        """Return whether a login hostname is not set up as long as there is such a problem."""
        return self not in (
            LoginProblemCode.FOREIGN_PATH,
            LoginProblemCode.ONLY_CLOUDFLARE_LOGIN,
            LoginProblemCode.SEATS,
        )

    @property
    def blocks_changes(self) -> bool:
        """Return whether nothing is written as long as there is such a problem.

        What is wrong at another hostname is no reason to leave this one as it is.
        """
        return self.blocks_set_up and self not in (
            LoginProblemCode.LOGIN_AT_MOBILE_HOSTNAME,
            LoginProblemCode.MOBILE_HOSTNAME_DENIED,
            LoginProblemCode.FOREIGN_WILDCARD,
        )


@dataclass(frozen=True, kw_only=True)
class LoginProblem:
    """Something that only a person can solve.

    target: a hostname, an address, or the id of a login method or group.
    detail: what it is about, such as the name of an application; it depends on the code.
    seen: the contents of the policies by which others are let in.
    """

    code: LoginProblemCode
    target: str
    detail: str = ""
    seen: str = field(default="", compare=False)


def problem_of(err: EngineError) -> LoginProblem | None:
    """Return the problem that an error stands for, None for one that may pass by itself."""
    match err:
        case ZeroTrustNotSetUp():
            code = LoginProblemCode.ZERO_TRUST_NOT_SET_UP
            return LoginProblem(code=code, target="")
        case PermissionMissing():
            code = LoginProblemCode.PERMISSION_MISSING
            return LoginProblem(code=code, target=err.permission)
        case _:
            return None


def find_problems(
    observation: AccessObservation,
    own: OwnObjects,
    settings: LoginSettings,
    mobile_hostnames: Collection[str],
) -> tuple[LoginProblem, ...]:
    """Return what stands in the way of a login hostname.

    mobile_hostnames: the protected hostnames of the account; there, nobody could log in.
    """
    return (
        *_foreign_applications(observation, own, settings),
        *_mobile_hostnames(observation, own, mobile_hostnames),
        *(() if settings.adopted else _references(observation, settings)),
    )


def seat_problem(
    users: Iterable[AccessUser], settings: LoginSettings, seats: int = FREE_SEATS
) -> LoginProblem | None:
    """Return the problem that the people may need more seats than there are, if they may.

    A seat is taken at the first login, and nobody knows who else a group lets in.

    Source: Cloudflare's docs, Zero Trust seats and account limits: 50 on the free plan.
    """
    if not isinstance(settings.who, People):
        return None
    seated = {user.email for user in users if user.has_seat}
    needed = len(seated | settings.who.emails)
    if needed <= seats:
        return None
    return LoginProblem(
        code=LoginProblemCode.SEATS, target=settings.hostname, detail=str(needed)
    )


def _foreign_applications(
    observation: AccessObservation, own: OwnObjects, settings: LoginSettings
) -> Iterator[LoginProblem]:
    """Yield the applications of others that cover the hostname or a path of it."""
    ours = [own.application, *own.path_applications]
    foreign = [each for each in observation.applications if each not in ours]
    groups = observation.groups_by_id
    exact = False
    wanted = {
        address_of(settings.hostname, path).lower() for path in settings.open_paths
    }
    for application, uri in covering(foreign, settings.hostname):
        if host_of(uri) != settings.hostname:
            code = LoginProblemCode.FOREIGN_WILDCARD
            if own.application is not None:
                continue
        elif not path_of(uri) or uri in wanted:
            exact = exact or not path_of(uri)
            code = LoginProblemCode.FOREIGN_APPLICATION
        else:
            code = LoginProblemCode.FOREIGN_PATH
        if settings.adopted and code is not LoginProblemCode.FOREIGN_PATH:
            continue
        yield LoginProblem(
            code=code,
            target=uri,
            detail=application.name,
            seen=contents_of(application.policies, groups),
        )
    if settings.adopted and own.application is None and not exact:
        yield LoginProblem(
            code=LoginProblemCode.NOTHING_TO_ADOPT, target=settings.hostname
        )


def _mobile_hostnames(
    observation: AccessObservation, own: OwnObjects, hostnames: Collection[str]
) -> Iterator[LoginProblem]:
    """Yield what asks for a login, or refuses everybody, where only certificates count."""
    for hostname in sorted(hostnames):
        for application, uri in covering(observation.applications, hostname):
            if not application.lets_all_pass:
                yield LoginProblem(
                    code=LoginProblemCode.LOGIN_AT_MOBILE_HOSTNAME,
                    target=hostname,
                    detail=f"{application.name} ({uri})",
                )
        if denies(observation.organization, hostname) and not covering(
            observation.applications, hostname
        ):
            yield LoginProblem(
                code=LoginProblemCode.MOBILE_HOSTNAME_DENIED, target=hostname
            )


def denies(organization: Organization, hostname: str) -> bool:
    """Return whether a hostname without an application is refused to everybody.

    Source: Cloudflare's docs, organization setting deny_unmatched_requests.
    """
    return organization.denies_unmatched and not any(
        is_at_or_below(hostname, zone) for zone in organization.exempt_zones
    )


def _references(
    observation: AccessObservation, settings: LoginSettings
) -> Iterator[LoginProblem]:
    """Yield what the settings name and Cloudflare does not have."""
    methods = {each.id: each for each in observation.login_methods}
    for gone in sorted(settings.login_methods - methods.keys()):
        yield LoginProblem(code=LoginProblemCode.LOGIN_METHOD_GONE, target=gone)
    allowed = (
        list(methods.values())
        if settings.allows_all_methods
        else [methods[each] for each in settings.login_methods & methods.keys()]
    )
    if not settings.one_time_pin:
        if not allowed and not settings.login_methods:
            yield LoginProblem(
                code=LoginProblemCode.NO_LOGIN_METHOD, target=settings.hostname
            )
        elif allowed and all(each.type == CLOUDFLARE_ACCOUNT for each in allowed):
            yield LoginProblem(
                code=LoginProblemCode.ONLY_CLOUDFLARE_LOGIN, target=settings.hostname
            )
    match settings.who:
        case PeopleOfGroup(group_id):
            if group_id not in observation.groups_by_id:
                yield LoginProblem(code=LoginProblemCode.GROUP_GONE, target=group_id)
        case People():
            pass
    if settings.connector_of is not None:
        configuration = observation.configurations.get(settings.connector_of)
        if configuration is None or configuration.rule_for(settings.hostname) is None:
            yield LoginProblem(
                code=LoginProblemCode.CONNECTOR_CANNOT_DEMAND,
                target=settings.hostname,
                detail=settings.connector_of,
            )
