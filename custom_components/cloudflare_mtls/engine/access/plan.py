"""Access as it was observed against the settings of a login hostname: the ordered steps (pure)."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ..api.access_models import AccessApplication
from ..api.selectors import InGroup
from .desired import demanded_by, demanded_token, group_rules, needs_group
from .drift import Difference, Drift, find_differences, policies_to_remove
from .marks import TAG, group_name, policy_name
from .observation import AccessObservation, OwnObjects
from .problems import LoginProblem, LoginProblemCode, find_problems
from .settings import LoginSettings, address_of
from .steps import (
    ApplicationStep,
    ConnectorTokenStep,
    GroupStep,
    LoginAction,
    LoginMethodStep,
    LoginStep,
    PathApplicationStep,
    PolicyStep,
    TagStep,
)

_NEED_TAG: Final = frozenset({Drift.APPLICATION_GONE, Drift.TAG, Drift.PATH_CLOSED})
_WHOLE_POLICY: Final = frozenset(
    {Drift.POLICY_OPENED, Drift.POLICY_SESSION, Drift.PEOPLE, Drift.COUNTRIES}
)
_OF_APPLICATION: Final = frozenset(
    {
        Drift.ADDRESS,
        Drift.TAG,
        Drift.PATH_EXCEPTED,
        Drift.APPLICATION_SETTINGS,
        Drift.LOGIN_METHODS,
        Drift.POLICY_GONE,
        Drift.OPEN_POLICY,
        Drift.OTHER_POLICY,
    }
)


class Occasion(StrEnum):
    """Why a plan is made: what nobody asked for changes less."""

    SET_UP = "set_up"
    """A person adds the login hostname."""
    CHANGE = "change"
    """A person changed its settings, or asked to have them applied."""
    KEEP = "keep"
    """Nobody asked: who gets in stays as somebody chose it at Cloudflare."""


@dataclass(frozen=True, kw_only=True)
class LoginPlan:
    """Ordered steps for a login hostname; no prefix of them lets in more people than before.

    differences: what the steps fix, and what only a person decides. over_wildcard: whether a person
    agreed to take the place of somebody's application for a wildcard.
    """

    settings: LoginSettings
    own: OwnObjects
    steps: tuple[LoginStep, ...] = ()
    problems: tuple[LoginProblem, ...] = ()
    differences: tuple[Difference, ...] = ()
    over_wildcard: bool = False

    @property
    def in_sync(self) -> bool:
        """Return whether nothing differs, and nothing is left to do by us."""
        return not self.steps and not self.differences

    @property
    def for_a_person(self) -> tuple[Difference, ...]:
        """Return what differs and is left alone, until a person decides."""
        return tuple(each for each in self.differences if each.drift.is_for_a_person)

    @property
    def opens(self) -> bool:
        """Return whether by what differs, people may get in whom nobody named."""
        return any(
            each.opens or each.drift is Drift.APPLICATION_GONE
            for each in self.differences
        )

    def blocking_at(self, occasion: Occasion) -> tuple[LoginProblem, ...]:
        """Return the problems because of which nothing is written, until a person solved them."""
        accepted = {LoginProblemCode.FOREIGN_WILDCARD} if self.over_wildcard else set()
        return tuple(
            each
            for each in self.problems
            if _blocks(each.code, occasion) and each.code not in accepted
        )

    def is_covered_by(self, confirmed: LoginPlan) -> bool:
        """Return whether a person who confirmed a plan that was shown agreed to this one."""
        is_same = (self.settings, self.steps, self.problems) == (
            confirmed.settings,
            confirmed.steps,
            confirmed.problems,
        )
        return is_same or self.in_sync


def make_login_plan(
    observation: AccessObservation,
    own: OwnObjects,
    settings: LoginSettings,
    occasion: Occasion,
    mobile_hostnames: Collection[str] = (),
    *,
    over_wildcard: bool = False,
) -> LoginPlan:
    """Return how Access gets to the settings of a login hostname.

    mobile_hostnames: the protected hostnames of the account, where nobody could log in.
    over_wildcard: whether a person agreed that an application of ours, which may be less strict,
        takes the place of somebody's for a wildcard.

    Order: login method, tag, group of countries, policy, paths, application, and what cloudflared
    demands. A policy without an application, and a path without one, change nothing; the
    application comes with its policy, since without one nobody could log in.
    """
    problems = find_problems(observation, own, settings, mobile_hostnames)
    differences = find_differences(observation, own, settings)
    plan = LoginPlan(
        settings=settings,
        own=own,
        problems=problems,
        differences=differences,
        over_wildcard=over_wildcard,
    )
    if plan.blocking_at(occasion):
        return plan
    fixes = frozenset(
        each.drift
        for each in differences
        if occasion is not Occasion.KEEP or not each.drift.is_for_a_person
    )
    steps = (
        _adopt(observation, own, settings, fixes)
        if settings.adopted
        else _build_up(observation, own, settings, fixes)
    )
    return replace(plan, steps=tuple(steps))


def plan_login_removal(
    observation: AccessObservation, own: OwnObjects, settings: LoginSettings
) -> LoginPlan:
    """Return how the hostname gets to be reached without a login again, from the last step on.

    Order: what cloudflared demands, application, paths, policy, group, and the tag if no other
    application has it. Login methods and the organization stay. What was adopted only loses our
    tag.
    """
    problems: tuple[LoginProblem, ...] = ()
    if (application := own.application) and not settings.adopted:
        problems = tuple(
            LoginProblem(
                code=LoginProblemCode.ALSO_PROTECTS,
                target=uri,
                detail=application.name,
            )
            for uri in application.uris
            if uri != settings.hostname
        )
    steps = () if problems else _tear_down(observation, own, settings)
    return LoginPlan(settings=settings, own=own, steps=tuple(steps), problems=problems)


def _blocks(code: LoginProblemCode, occasion: Occasion) -> bool:
    if occasion is Occasion.SET_UP:
        return code.blocks_set_up
    return code.blocks_changes


def _build_up(
    observation: AccessObservation,
    own: OwnObjects,
    settings: LoginSettings,
    fixes: frozenset[Drift],
) -> Iterator[LoginStep]:
    is_new = Drift.APPLICATION_GONE in fixes
    if (
        settings.one_time_pin
        and observation.one_time_pin is None
        and (is_new or Drift.LOGIN_METHODS in fixes)
    ):
        yield LoginMethodStep(target=settings.hostname)
    if TAG not in observation.tags and fixes & _NEED_TAG:
        yield TagStep(action=LoginAction.CREATE, target=TAG)
    yield from _group(own, settings, fixes)
    yield from _policy(own, settings, fixes)
    yield from _paths(own, settings, fixes)
    yield from _application(observation, own, settings, fixes)
    yield from _connector(observation, own, settings, fixes)
    if own.group and not needs_group(settings) and Drift.COUNTRIES in fixes:
        yield _delete_group(own, settings)


def _group(
    own: OwnObjects, settings: LoginSettings, fixes: frozenset[Drift]
) -> Iterator[LoginStep]:
    if not needs_group(settings) or not (
        Drift.COUNTRIES in fixes or _lacks_policy(own, fixes)
    ):
        return
    if own.group is None or own.group.rules != group_rules(settings):
        yield GroupStep(
            action=LoginAction.UPDATE if own.group else LoginAction.CREATE,
            target=group_name(settings.hostname),
            found=own.group,
            detail=", ".join(sorted(settings.countries)),
        )


def _policy(
    own: OwnObjects, settings: LoginSettings, fixes: frozenset[Drift]
) -> Iterator[LoginStep]:
    name = policy_name(settings.hostname)
    if _lacks_policy(own, fixes):
        yield PolicyStep(action=LoginAction.CREATE, target=name)
    elif own.policy and fixes & _WHOLE_POLICY:
        yield PolicyStep(
            action=LoginAction.UPDATE,
            target=name,
            found=own.policy,
            fixes=fixes & _WHOLE_POLICY,
        )


def _lacks_policy(own: OwnObjects, fixes: frozenset[Drift]) -> bool:
    return own.policy is None and bool(
        fixes & {Drift.APPLICATION_GONE, Drift.POLICY_GONE}
    )


def _paths(
    own: OwnObjects, settings: LoginSettings, fixes: frozenset[Drift]
) -> Iterator[LoginStep]:
    """Yield first what closes paths: one of their applications may hold an address that is needed."""
    paths = {
        address_of(settings.hostname, each).lower(): each
        for each in settings.open_paths
    }
    kept = {}
    for each in own.path_applications:
        match each.uris:
            case (uri,) if uri in paths and uri not in kept:
                kept[uri] = each
            case _ if Drift.PATH_OPEN in fixes:
                yield _close(each)
    for uri, path in sorted(paths.items()):
        found = kept.get(uri)
        if Drift.PATH_CLOSED in fixes and not (found and found.lets_all_pass):
            yield PathApplicationStep(
                action=LoginAction.UPDATE if found else LoginAction.CREATE,
                target=uri,
                path=path,
                found=found,
            )


def _close(path_application: AccessApplication) -> LoginStep:
    return PathApplicationStep(
        action=LoginAction.DELETE,
        target=", ".join(path_application.uris),
        found=path_application,
    )


def _application(
    observation: AccessObservation,
    own: OwnObjects,
    settings: LoginSettings,
    fixes: frozenset[Drift],
) -> Iterator[LoginStep]:
    if Drift.APPLICATION_GONE in fixes:
        yield ApplicationStep(action=LoginAction.CREATE, target=settings.hostname)
    elif fixes & _OF_APPLICATION:
        yield ApplicationStep(
            action=LoginAction.UPDATE,
            target=settings.hostname,
            found=own.application,
            fixes=fixes & _OF_APPLICATION,
            removes=policies_to_remove(observation, own, fixes),
        )


def _connector(
    observation: AccessObservation,
    own: OwnObjects,
    settings: LoginSettings,
    fixes: frozenset[Drift],
) -> Iterator[LoginStep]:
    """Yield what cloudflared demands; a new application has another audience than any before."""
    if not fixes & {Drift.CONNECTOR, Drift.APPLICATION_GONE}:
        return
    audience = own.application.audience if own.application else ""
    demanding = _demanding(observation, settings, audience)
    for tunnel_id in sorted(demanding - {settings.connector_of}):
        yield _stop_demanding(settings, tunnel_id)
    if settings.connector_of and settings.connector_of not in demanding:
        yield ConnectorTokenStep(
            action=LoginAction.CREATE,
            target=settings.hostname,
            tunnel_id=settings.connector_of,
        )


def _demanding(
    observation: AccessObservation, settings: LoginSettings, audience: str
) -> frozenset[str]:
    """Return the ids of the tunnels whose cloudflared demands the token of our application."""
    wanted = demanded_token(observation.organization, audience)
    return frozenset(
        tunnel_id
        for tunnel_id, configuration in observation.configurations.items()
        if (rule := configuration.rule_for(settings.hostname))
        and demanded_by(rule) == wanted
    )


def _stop_demanding(settings: LoginSettings, tunnel_id: str) -> LoginStep:
    return ConnectorTokenStep(
        action=LoginAction.DELETE, target=settings.hostname, tunnel_id=tunnel_id
    )


def _adopt(
    observation: AccessObservation,
    own: OwnObjects,
    settings: LoginSettings,
    fixes: frozenset[Drift],
) -> Iterator[LoginStep]:
    """Yield the steps that put our tag on somebody else's application, and change nothing else."""
    if not fixes & {Drift.APPLICATION_GONE, Drift.TAG}:
        return
    found = own.application or next(
        each for each in observation.applications if settings.hostname in each.uris
    )
    if TAG not in observation.tags:
        yield TagStep(action=LoginAction.CREATE, target=TAG)
    yield ApplicationStep(
        action=LoginAction.ADOPT,
        target=settings.hostname,
        found=found,
        fixes=frozenset({Drift.TAG}),
    )


def _tear_down(
    observation: AccessObservation, own: OwnObjects, settings: LoginSettings
) -> Iterator[LoginStep]:
    application = own.application
    if application and settings.adopted:
        if TAG in application.tags:
            yield ApplicationStep(
                action=LoginAction.RELEASE, target=settings.hostname, found=application
            )
    elif application:
        for tunnel_id in sorted(
            _demanding(observation, settings, application.audience)
        ):
            yield _stop_demanding(settings, tunnel_id)
        yield ApplicationStep(
            action=LoginAction.DELETE, target=settings.hostname, found=application
        )
    for each in own.path_applications:
        yield _close(each)
    if own.policy and not _is_shared(own):
        yield PolicyStep(
            action=LoginAction.DELETE,
            target=policy_name(settings.hostname),
            found=own.policy,
        )
    if own.group and not _is_shared(own) and not _is_used_elsewhere(observation, own):
        yield _delete_group(own, settings)
    tagged = [each for each in observation.applications if TAG in each.tags]
    ours = [application, *own.path_applications]
    # Whether the tag is listed or not: one that is gone already counts as deleted.
    if all(each in ours for each in tagged):
        yield TagStep(action=LoginAction.DELETE, target=TAG)


def _delete_group(own: OwnObjects, settings: LoginSettings) -> LoginStep:
    return GroupStep(
        action=LoginAction.DELETE, target=group_name(settings.hostname), found=own.group
    )


def _is_shared(own: OwnObjects) -> bool:
    """Return whether an application of somebody else uses our policy as well."""
    if own.policy is None:
        return False
    by_us = own.application is not None and any(
        each.id == own.policy.id for each in own.application.policies
    )
    return (own.policy.application_count or 0) > by_us


def _is_used_elsewhere(observation: AccessObservation, own: OwnObjects) -> bool:
    """Return whether somebody else's policy names our group."""
    if own.group is None:
        return False
    ours = InGroup(own.group.id)
    return any(
        ours in each.rules.include | each.rules.require | each.rules.exclude
        for each in observation.policies
        if each != own.policy
    )
