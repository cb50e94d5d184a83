"""The settings that agree with what somebody chose at Cloudflare (pure)."""

from dataclasses import replace

from ..api.access_models import AccessApplication, AccessPolicy
from ..api.selectors import CountryIs, EmailIs, InGroup, Selector
from .drift import find_differences
from .observation import AccessObservation, OwnObjects
from .settings import InvalidLoginSettings, LoginSettings, People, PeopleOfGroup


def settings_as_found(
    observation: AccessObservation, own: OwnObjects, settings: LoginSettings
) -> LoginSettings | None:
    """Return the settings with the people, countries and login methods that Cloudflare has.

    None where settings cannot say that, such as that everybody of a domain may log in.
    """
    application, policy = own.application, own.policy
    if application is None or policy is None:
        return None
    who, countries = _who(policy), _countries(policy, own)
    if who is None or countries is None:
        return None
    pin = _one_time_pin(observation, application)
    try:
        found = replace(
            settings,
            who=who,
            countries=countries,
            login_methods=application.allowed_login_methods - pin,
            one_time_pin=bool(pin),
        )
    except InvalidLoginSettings:
        return None
    left = find_differences(observation, own, found)
    return None if any(each.drift.is_for_a_person for each in left) else found


def _who(policy: AccessPolicy) -> People | PeopleOfGroup | None:
    match [*policy.rules.include]:
        case [InGroup(group_id)]:
            return PeopleOfGroup(group_id)
        case selectors:
            emails = [each.address for each in selectors if isinstance(each, EmailIs)]
            return People(frozenset(emails)) if len(emails) == len(selectors) else None


def _countries(policy: AccessPolicy, own: OwnObjects) -> frozenset[str] | None:
    match [*policy.rules.require]:
        case [InGroup(group_id)] if own.group and own.group.id == group_id:
            return _codes(own.group.rules.include)
        case _:
            return _codes(policy.rules.require)


def _codes(selectors: frozenset[Selector]) -> frozenset[str] | None:
    codes = [each.code for each in selectors if isinstance(each, CountryIs)]
    return frozenset(codes) if len(codes) == len(selectors) else None


def _one_time_pin(
    observation: AccessObservation, application: AccessApplication
) -> frozenset[str]:
    """Return the id of the one-time PIN, if people may log in by it; nothing otherwise."""
    pin = observation.one_time_pin
    return application.allowed_login_methods & ({pin.id} if pin else set())
