"""What stands in front of a hostname today: nothing, a login, or a client certificate (pure)."""

from collections.abc import Iterable
from enum import StrEnum

from ..api.access_models import AccessApplication
from ..api.models import Observation
from ..rules.exposure import exposed
from ..rules.visitors import Visitor
from .coverage import asks_for_login


class Barrier(StrEnum):
    """What stops a visitor who has neither a certificate nor a login."""

    NOTHING = "nothing"
    LOGIN = "login"
    CERTIFICATE = "certificate"


def barrier_of(
    observation: Observation, hostname: str, applications: Iterable[AccessApplication]
) -> Barrier:
    """Return what stops visitors of a hostname that leads to an origin.

    Custom rules decide before Access does. Applications that could not be read are none, so that
    a hostname is rather called open than protected.
    """
    exposure = exposed(observation, hostname)
    if exposure is None or exposure.visitor is not Visitor.NO_CERTIFICATE:
        return Barrier.CERTIFICATE
    if asks_for_login(applications, hostname):
        return Barrier.LOGIN
    return Barrier.NOTHING
