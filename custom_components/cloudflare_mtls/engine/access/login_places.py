"""At which login hostname somebody logged in, also where that application is gone by now (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..api.access_models import AccessApplication
from .coverage import covering, is_of_all_paths
from .logins import Login


@dataclass(frozen=True, kw_only=True)
class LoginPlaces:
    """The login hostnames of an account, and what tells at which of them a login was.

    in_front: the id of the application in front of each hostname, None where it is not known; one may
    stand in front of several. applications: all of the account, by id; None where they could not be
    read.
    """

    in_front: Mapping[str, str | None]
    applications: Mapping[str, AccessApplication] | None

    @property
    def seen(self) -> frozenset[str]:
        """Return the hostnames of which it is known whether somebody logged in there."""
        is_read = self.applications is not None
        return frozenset(
            hostname
            for hostname, application_id in self.in_front.items()
            if is_read or application_id
        )

    def of(self, login: Login) -> str | None:
        """Return the hostname that a login was at; None if it was elsewhere, or nobody knows.

        Who can have an application deleted, or moved elsewhere, can log in first: the log names one
        that nobody knows any more, or one of their own.
        """
        is_told = login.hostname in self.in_front
        if behind := self._behind(login):
            return login.hostname if is_told else behind[0]
        if not is_told or self.applications is None:
            return None
        application = self.applications.get(login.application_id)
        if application and _is_at_paths_alone(application, login.hostname):
            return None
        return login.hostname

    def is_at_own(self, login: Login) -> bool:
        """Return whether a login was to an application in front of one of the hostnames."""
        return bool(self._behind(login))

    def is_new(self, login: Login) -> bool:
        """Return whether a login at one of the hostnames was to an application that was not seen."""
        return (
            login.hostname in self.in_front
            and not self.is_at_own(login)
            and login.application_id not in (self.applications or {})
        )

    def _behind(self, login: Login) -> list[str]:
        """Return the hostnames behind the application that a login was to."""
        return [
            hostname
            for hostname, application_id in self.in_front.items()
            if application_id and application_id == login.application_id
        ]


def _is_at_paths_alone(application: AccessApplication, hostname: str) -> bool:
    """Return whether an application covers nothing but paths of a hostname."""
    found = covering([application], hostname)
    return bool(found) and not any(is_of_all_paths(uri) for _, uri in found)
