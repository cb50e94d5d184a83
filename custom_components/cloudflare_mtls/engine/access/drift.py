"""How Access differs from the settings of a login hostname (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from ..api.access_models import (
    AccessApplication,
    AccessGroup,
    AccessPolicy,
    Decision,
    parse_duration,
)
from ..api.json_fields import encoded
from ..api.selectors import InGroup, Selector, SelectorRules
from .contents import contents_of
from .coverage import asks_for_login, covers, host_of, is_of_all_paths
from .desired import (
    WARP_LOGIN,
    References,
    allowed_methods,
    application_settings,
    demanded_by,
    demanded_token,
    group_rules,
    needs_group,
    policy_rules,
)
from .marks import TAG
from .named_people import lets_anybody_in, may_let_strangers_in, names_all
from .observation import AccessObservation, OwnObjects
from .settings import LoginSettings, PeopleOfGroup, address_of

type _Groups = Mapping[str, AccessGroup]


class Drift(StrEnum):
    """What differs."""

    APPLICATION_GONE = "application_gone"
    ADDRESS = "address"
    TAG = "tag"
    APPLICATION_SETTINGS = "application_settings"
    POLICY_GONE = "policy_gone"
    POLICY_OPENED = "policy_opened"
    POLICY_SESSION = "policy_session"
    """Our policy has a session of its own, which overrides the one that was chosen."""
    OPEN_POLICY = "open_policy"
    OTHER_POLICY = "other_policy"
    PEOPLE = "people"
    COUNTRIES = "countries"
    LOGIN_METHODS = "login_methods"
    PATH_CLOSED = "path_closed"
    PATH_OPEN = "path_open"
    PATH_EXCEPTED = "path_excepted"
    """Our application has an exception, by which everybody reaches a path."""
    CONNECTOR = "connector"
    STRANGERS = "strangers"
    """What somebody else keeps may let in people whom nobody named, and is not ours to change."""

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
        are e-mail addresses, and nothing for a log. seen: the contents of what lets people in.
    is_open: whether everybody reaches the hostname without a login. is_unlimited: whether every
        login method or country is allowed there, and only some were chosen.
    """

    drift: Drift
    target: str
    added: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    seen: str = field(default="", compare=False)
    is_open: bool = False
    is_unlimited: bool = False

    @property
    def opens(self) -> bool:
        """Return whether people get in whom nobody named."""
        return self.is_open or self.drift in (Drift.POLICY_OPENED, Drift.OPEN_POLICY)

    @property
    def contents(self) -> str:
        """Return a text that is another one once anything else differs, in whichever version."""
        return encoded([self.drift, self.target, self.added, self.missing, self.seen])


def find_differences(
    observation: AccessObservation, own: OwnObjects, settings: LoginSettings
) -> tuple[Difference, ...]:
    """Return how Access differs from the settings of a login hostname.

    Of an adopted application, only what endangers the hostname is told.
    """
    groups = observation.groups_by_id
    pin = observation.one_time_pin
    references = References(
        one_time_pin=pin.id if pin else None,
        group=own.group.id if own.group else None,
        policy=own.policy.id if own.policy else None,
    )
    application = own.application
    if application is None:
        gone = Difference(drift=Drift.APPLICATION_GONE, target=settings.hostname)
        beside = () if settings.adopted else _beside(own, settings, references, groups)
        return (gone, *beside)
    if settings.adopted:
        return (
            *_tag(application, settings),
            *_address(application, settings),
            *_open_policies(application.policies, groups),
            *_strange_policies(application.policies, groups),
            *_strange_exceptions(application, settings),
        )
    return (
        *_address(application, settings),
        *_tag(application, settings),
        *_exceptions(application, settings),
        *_settings(application, settings, references),
        *_policies(application, own, settings, groups),
        *_beside(own, settings, references, groups),
        *_connector(observation, application, settings),
    )


def policies_to_remove(
    observation: AccessObservation, own: OwnObjects, fixes: frozenset[Drift]
) -> frozenset[str]:
    """Return the ids of the policies of others that do not stay with our application."""
    groups = observation.groups_by_id
    policies = own.application.policies if own.application else ()
    own_id = own.policy.id if own.policy else None
    return frozenset(
        each.id
        for each in policies
        if each.id != own_id and _drift_of(each, groups) in fixes
    )


def _beside(
    own: OwnObjects, settings: LoginSettings, references: References, groups: _Groups
) -> Iterator[Difference]:
    """Yield how what is ours beside the application, and the group that was chosen, differ."""
    if own.policy:
        yield from _rules(own.policy, own, settings, references, groups)
    yield from _chosen_group(settings, groups)
    yield from _paths(own, settings)


def _address(
    application: AccessApplication, settings: LoginSettings
) -> Iterator[Difference]:
    if settings.hostname not in application.uris:
        yield Difference(
            drift=Drift.ADDRESS,
            target=settings.hostname,
            added=application.uris,
            missing=(settings.hostname,),
            is_open=not asks_for_login([application], settings.hostname),
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
    # People log in there by other login methods than those that were chosen here.
    if application.raw.get(WARP_LOGIN):
        different.append(WARP_LOGIN)
    allowed = allowed_methods(settings, references)
    if application.allowed_login_methods != allowed:
        # Whether the page with the choice is skipped follows from the login methods.
        different = [key for key in different if key != "auto_redirect_to_identity"]
        yield Difference(
            drift=Drift.LOGIN_METHODS,
            target=settings.hostname,
            added=tuple(sorted(application.allowed_login_methods - allowed)),
            missing=tuple(sorted(allowed - application.allowed_login_methods)),
            is_unlimited=not application.allowed_login_methods,
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
    application: AccessApplication,
    own: OwnObjects,
    settings: LoginSettings,
    groups: _Groups,
) -> Iterator[Difference]:
    own_id = own.policy.id if own.policy else None
    if own_id not in {each.id for each in application.policies}:
        yield Difference(drift=Drift.POLICY_GONE, target=settings.hostname)
    others = [each for each in application.policies if each.id != own_id]
    yield from _open_policies(others, groups)
    for each in others:
        if (drift := _drift_of(each, groups)) is Drift.OTHER_POLICY:
            yield Difference(
                drift=drift, target=each.name, seen=contents_of([each], groups)
            )


def _open_policies(
    policies: Iterable[AccessPolicy], groups: _Groups
) -> Iterator[Difference]:
    for each in policies:
        if (drift := _drift_of(each, groups)) is Drift.OPEN_POLICY:
            yield Difference(
                drift=drift,
                target=each.name,
                seen=contents_of([each], groups),
                is_open=each.lets_all_pass,
            )


def _drift_of(policy: AccessPolicy, groups: _Groups) -> Drift:
    """Return what a policy of somebody else at our application is."""
    return Drift.OPEN_POLICY if lets_anybody_in(policy, groups) else Drift.OTHER_POLICY


def _strange_policies(
    policies: Iterable[AccessPolicy], groups: _Groups
) -> Iterator[Difference]:
    """Yield the policies of which nobody knows whether they open an adopted application."""
    for each in policies:
        if may_let_strangers_in(each, groups) and not lets_anybody_in(each, groups):
            yield Difference(
                drift=Drift.STRANGERS,
                target=each.name,
                seen=contents_of([each], groups),
            )


def _exceptions(
    application: AccessApplication, settings: LoginSettings
) -> Iterator[Difference]:
    """Yield the exceptions at our application; whether one of a wildcard counts is not documented."""
    for uri in application.public:
        if host_of(uri) == settings.hostname:
            yield Difference(
                drift=Drift.PATH_EXCEPTED, target=uri, is_open=is_of_all_paths(uri)
            )
        elif covers(host_of(uri), settings.hostname):
            yield Difference(drift=Drift.STRANGERS, target=uri)


def _strange_exceptions(
    application: AccessApplication, settings: LoginSettings
) -> Iterator[Difference]:
    """Yield the exceptions that open an adopted application, and not some path of it alone."""
    for uri in application.public:
        if covers(host_of(uri), settings.hostname) and is_of_all_paths(uri):
            is_open = host_of(uri) == settings.hostname
            yield Difference(drift=Drift.STRANGERS, target=uri, is_open=is_open)


def _chosen_group(settings: LoginSettings, groups: _Groups) -> Iterator[Difference]:
    """Yield the group that was chosen, if it may contain more people than it names."""
    match settings.who:
        case PeopleOfGroup(group_id) if (group := groups.get(group_id)) is not None:
            if names_all(group.rules, groups) is not True:
                yield Difference(
                    drift=Drift.STRANGERS,
                    target=group.name,
                    seen=contents_of([group], groups),
                )
        case _:
            # One that is gone is a problem of its own.
            pass


def _rules(
    policy: AccessPolicy,
    own: OwnObjects,
    settings: LoginSettings,
    references: References,
    groups: _Groups,
) -> Iterator[Difference]:
    """Yield how our policy and our group differ from who was chosen."""
    desired = policy_rules(settings, references)
    found = policy.rules
    if policy.session and parse_duration(policy.session) != settings.session:
        yield Difference(
            drift=Drift.POLICY_SESSION, target=policy.name, added=(policy.session,)
        )
    if policy.decision is not Decision.ALLOW or lets_anybody_in(
        policy, _but_chosen(groups, settings)
    ):
        yield Difference(
            drift=Drift.POLICY_OPENED,
            target=policy.name,
            seen=contents_of([policy], groups),
            is_open=policy.lets_all_pass,
        )
    elif (found.include, found.exclude) != (desired.include, desired.exclude):
        yield Difference(
            drift=Drift.PEOPLE,
            target=policy.name,
            seen=contents_of([policy], groups),
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
            is_unlimited=bool(settings.countries) and not have,
        )


def _but_chosen(groups: _Groups, settings: LoginSettings) -> _Groups:
    """Return the groups without the one that was chosen: no change of our policy alters it."""
    who = settings.who
    chosen = who.group_id if isinstance(who, PeopleOfGroup) else None
    return {key: each for key, each in groups.items() if key != chosen}


def _countries(rules: SelectorRules, own: OwnObjects) -> frozenset[str]:
    """Return what a policy requires, with the countries of our group one by one."""
    if own.group is None or InGroup(own.group.id) not in rules.require:
        return frozenset(_texts(rules.require))
    others = rules.require - {InGroup(own.group.id)}
    return frozenset(_texts(others | own.group.rules.include))


def _texts(selectors: frozenset[Selector]) -> tuple[str, ...]:
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
            yield Difference(
                drift=Drift.PATH_OPEN, target=uri, is_open=is_of_all_paths(uri)
            )


def _connector(
    observation: AccessObservation,
    application: AccessApplication,
    settings: LoginSettings,
) -> Iterator[Difference]:
    """Yield the tunnels whose cloudflared does not demand our token and must, or the reverse."""
    wanted = demanded_token(observation.organization, application.audience)
    for tunnel_id, configuration in observation.configurations.items():
        rule = configuration.rule_for(settings.hostname)
        if rule is None:
            continue
        found = demanded_by(rule)
        must = tunnel_id == settings.connector_of
        if (must and found != wanted) or (not must and found == wanted):
            yield Difference(drift=Drift.CONNECTOR, target=tunnel_id)
