"""How Access differs from the settings of a login hostname (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ..api.access_models import (
    AccessApplication,
    AccessPolicy,
    Decision,
    parse_duration,
)
from ..api.selectors import Everyone, LoggedInBy, SelectorRules
from .desired import (
    References,
    allowed_methods,
    application_settings,
    demanded_token,
    group_rules,
    needs_group,
    policy_rules,
)
from .marks import TAG
from .observation import AccessObservation, OwnObjects
from .settings import LoginSettings, address_of


class Drift(StrEnum):
    """What differs."""

    APPLICATION_GONE = "application_gone"
    ADDRESS = "address"
    TAG = "tag"
    APPLICATION_SETTINGS = "application_settings"
    POLICY_GONE = "policy_gone"
    OPEN_TO_EVERYBODY = "open_to_everybody"
    OTHER_POLICY = "other_policy"
    PEOPLE = "people"
    COUNTRIES = "countries"
    LOGIN_METHODS = "login_methods"
    PATH_CLOSED = "path_closed"
    PATH_OPEN = "path_open"
    CONNECTOR = "connector"

    @property
    def is_for_a_person(self) -> bool:
        """Return whether somebody may have changed on purpose who gets in.

        Nobody is let in or shut out by us for it, unless a person asks.
        """
        return self in (
            Drift.OTHER_POLICY,
            Drift.PEOPLE,
            Drift.COUNTRIES,
            Drift.LOGIN_METHODS,
        )


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that differs.

    target: the address, or the name of what differs.
    added, missing: what is there and was not chosen, and the other way round. For people, these
        are e-mail addresses, and nothing for a log.
    """

    drift: Drift
    target: str
    added: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def find_differences(
    observation: AccessObservation, own: OwnObjects, settings: LoginSettings
) -> tuple[Difference, ...]:
    """Return how Access differs from the settings of a login hostname.

    Without an application, nothing else has any effect, and nothing else is told.
    """
    application = own.application
    if application is None:
        return (Difference(drift=Drift.APPLICATION_GONE, target=settings.hostname),)
    if settings.adopted:
        return (
            *_tag(application, settings),
            *_address(application, settings),
            *_open_policies(application),
        )
    pin = observation.one_time_pin
    references = References(
        one_time_pin=pin.id if pin else None,
        group=own.group.id if own.group else None,
        policy=own.policy.id if own.policy else None,
    )
    return (
        *_address(application, settings),
        *_tag(application, settings),
        *_settings(application, settings, references),
        *_policies(application, own, settings),
        *(_rules(own.policy, own, settings, references) if own.policy else ()),
        *_paths(own, settings),
        *_connector(observation, application, settings),
    )


def _address(
    application: AccessApplication, settings: LoginSettings
) -> Iterator[Difference]:
    if settings.hostname not in application.uris:
        yield Difference(
            drift=Drift.ADDRESS,
            target=settings.hostname,
            added=application.uris,
            missing=(settings.hostname,),
        )


def _tag(
    application: AccessApplication, settings: LoginSettings
) -> Iterator[Difference]:
    if TAG not in application.tags:
        yield Difference(drift=Drift.TAG, target=settings.hostname, missing=(TAG,))


# What a field means where Cloudflare leaves it out or has null.
_LEFT_OUT: Final[Mapping[str, Any]] = {
    "app_launcher_visible": True,
    "auto_redirect_to_identity": False,
    "enable_binding_cookie": False,
    "http_only_cookie_attribute": True,
    "path_cookie_attribute": False,
    "same_site_cookie_attribute": "none",
}


def _settings(
    application: AccessApplication, settings: LoginSettings, references: References
) -> Iterator[Difference]:
    desired = application_settings(settings, references)
    different = [
        key
        for key, left_out in _LEFT_OUT.items()
        if _or(application.raw.get(key), left_out) != desired[key]
    ]
    if application.session != parse_duration(desired["session_duration"]):
        different.append("session_duration")
    allowed = allowed_methods(settings, references)
    if application.allowed_login_methods != allowed:
        # Whether the page with the choice is skipped follows from the login methods.
        different = [key for key in different if key != "auto_redirect_to_identity"]
        yield Difference(
            drift=Drift.LOGIN_METHODS,
            target=settings.hostname,
            added=tuple(sorted(application.allowed_login_methods - allowed)),
            missing=tuple(sorted(allowed - application.allowed_login_methods)),
        )
    if different:
        yield Difference(
            drift=Drift.APPLICATION_SETTINGS,
            target=settings.hostname,
            added=tuple(different),
        )


def _or(value: object, left_out: object) -> object:
    return left_out if value is None else value


def _policies(
    application: AccessApplication, own: OwnObjects, settings: LoginSettings
) -> Iterator[Difference]:
    own_id = own.policy.id if own.policy else None
    if own_id not in {each.id for each in application.policies}:
        yield Difference(drift=Drift.POLICY_GONE, target=settings.hostname)
    yield from _open_policies(application)
    others = tuple(
        each.name
        for each in application.policies
        if each.id != own_id and not each.lets_all_pass
    )
    if others:
        yield Difference(
            drift=Drift.OTHER_POLICY, target=settings.hostname, added=others
        )


def _open_policies(application: AccessApplication) -> Iterator[Difference]:
    for policy in application.policies:
        if lets_anybody_in(policy):
            yield Difference(drift=Drift.OPEN_TO_EVERYBODY, target=policy.name)


def lets_anybody_in(policy: AccessPolicy) -> bool:
    """Return whether a policy names nobody: it lets everybody in, or everybody who can log in."""
    if policy.decision is Decision.BYPASS:
        return policy.lets_all_pass
    return (
        policy.decision is Decision.ALLOW
        and not policy.rules.require.difference(_countries_and_methods(policy.rules))
        and any(
            isinstance(each, Everyone | LoggedInBy) for each in policy.rules.include
        )
    )


def _countries_and_methods(rules: SelectorRules) -> frozenset[Any]:
    """Return what a policy requires that names no person."""
    return frozenset(
        each
        for each in rules.require
        if isinstance(each, Everyone | LoggedInBy) or "geo" in each.body()
    )


def _rules(
    policy: AccessPolicy,
    own: OwnObjects,
    settings: LoginSettings,
    references: References,
) -> Iterator[Difference]:
    """Yield how our policy and our group differ from who was chosen."""
    desired = policy_rules(settings, references)
    found = policy.rules
    if policy.decision is not Decision.ALLOW:
        yield Difference(drift=Drift.OPEN_TO_EVERYBODY, target=policy.name)
    if (found.include, found.exclude) != (desired.include, desired.exclude):
        yield Difference(
            drift=Drift.PEOPLE,
            target=policy.name,
            added=_texts(found.include - desired.include),
            missing=_texts(desired.include - found.include)
            + _texts(found.exclude - desired.exclude),
        )
    group_differs = needs_group(settings) and (
        own.group is None or own.group.rules != group_rules(settings)
    )
    if found.require != desired.require or group_differs:
        have = _countries(found, own)
        yield Difference(
            drift=Drift.COUNTRIES,
            target=policy.name,
            added=tuple(sorted(have - settings.countries)),
            missing=tuple(sorted(settings.countries - have)),
        )


def _countries(rules: SelectorRules, own: OwnObjects) -> frozenset[str]:
    """Return what a policy requires, with the countries of our group one by one."""
    required = set(rules.require)
    if own.group is not None:
        for each in rules.require:
            if each.body() == {"group": {"id": own.group.id}}:
                required.discard(each)
                required |= own.group.rules.include
    return frozenset(_texts(frozenset(required)))


def _texts(selectors: frozenset[Any]) -> tuple[str, ...]:
    """Return what selectors compare with, for a person to read."""
    return tuple(sorted(_text(each.body()) for each in selectors))


def _text(body: Mapping[str, Any]) -> str:
    kind, value = next(iter(body.items()), ("", {}))
    texts = list(value.values()) if isinstance(value, Mapping) else []
    match texts:
        case [str(text)]:
            return text
        case _:
            return kind


def _paths(own: OwnObjects, settings: LoginSettings) -> Iterator[Difference]:
    wanted = {
        address_of(settings.hostname, path).lower() for path in settings.open_paths
    }
    there = {
        uri
        for each in own.path_applications
        for uri in each.uris
        if each.lets_all_pass and len(each.uris) == 1
    }
    for uri in sorted(wanted - there):
        yield Difference(drift=Drift.PATH_CLOSED, target=uri)
    for each in own.path_applications:
        for uri in sorted(set(each.uris) - wanted):
            yield Difference(drift=Drift.PATH_OPEN, target=uri)


def _connector(
    observation: AccessObservation,
    application: AccessApplication,
    settings: LoginSettings,
) -> Iterator[Difference]:
    """Yield that cloudflared does not demand the token of our application, where it must."""
    if settings.connector_of is None:
        return
    configuration = observation.configurations.get(settings.connector_of)
    rule = configuration.rule_for(settings.hostname) if configuration else None
    if rule is None:
        return
    request = rule.raw.get("originRequest")
    found = request.get("access") if isinstance(request, Mapping) else None
    if found != demanded_token(observation.organization, application.audience):
        yield Difference(drift=Drift.CONNECTOR, target=settings.hostname)
