"""Which login methods of a login hostname are new, or say of people who they are in another way by now (pure)."""

from collections.abc import Mapping

from ..api.access_models import LoginMethod
from .beyond_settings import LetIn
from .observation import AccessObservation
from .settings import LoginSettings


def known_methods(
    known: Mapping[str, str], settings: LoginSettings, observation: AccessObservation
) -> dict[str, str]:
    """Return what is known of login methods from now on, by id: of those that count, what was known first.

    While every method of the account counts, a new one is not taken for known.
    """
    now = {each.id: each.contents for each in observation.login_methods}
    if settings.allows_all_methods:
        return {**(known or now)}
    others = {key: now[key] for key in now.keys() - settings.login_methods}
    return {**now, **known, **others}


def changed_methods(
    known: Mapping[str, str], settings: LoginSettings, observation: AccessObservation
) -> tuple[LoginMethod, ...]:
    """Return the login methods by which other people may log in than when they were known first.

    By the one-time PIN, that is always who reads the mail of an address.
    """
    if settings.adopted or not known:
        return ()
    return tuple(
        each
        for each in observation.login_methods
        if (settings.allows_all_methods or each.id in settings.login_methods)
        and not each.is_one_time_pin
        and known.get(each.id) != each.contents
    )


def let_in_by_changed_methods(
    known: Mapping[str, str], settings: LoginSettings, observation: AccessObservation
) -> LetIn:
    """Return the ways in that new and changed login methods are: nobody knows who logged in by them."""
    return LetIn(
        ways=frozenset(
            f"login method {each.id} {each.contents}"
            for each in changed_methods(known, settings, observation)
        )
    )
