"""What there is to choose for a login hostname, and what a person typed, without forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from yarl import URL

from .const import (
    CONF_COUNTRIES,
    CONF_EMAILS,
    CONF_GROUP_ID,
    CONF_KEEP_IN_SYNC,
    CONF_LOGIN_METHODS,
    CONF_OPEN_PATHS,
    CONF_SESSION,
)
from .coordinator.access import AccessCoordinator
from .coordinator.login_writer import LoginWritten
from .engine.access.coverage import covering, path_of
from .engine.access.observation import AccessObservation, own_application
from .engine.access.settings import (
    InvalidLoginSettings,
    LoginSettings,
    People,
    PeopleOfGroup,
    SettingsFault,
    read_email,
)
from .engine.api.access_models import ONE_TIME_PIN
from .engine.api.errors import EngineError, PermissionMissing, ZeroTrustNotSetUp
from .engine.permissions import find_missing_for_logins
from .engine.tunnels.served import ServedHostname, find_served, served_hostnames
from .wording import Message, describe, describe_missing

CONF_CONNECTOR: Final = "connector"
CONF_OWN_EMAIL: Final = "own_email"

SESSIONS: Final[Mapping[str, timedelta]] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
    "half_year": timedelta(days=180),
}

# Beside which field of the forms a fault is shown.
_FIELDS: Final[Mapping[SettingsFault, str]] = {
    SettingsFault.INVALID_EMAIL: CONF_EMAILS,
    SettingsFault.TOO_MANY_PEOPLE: CONF_EMAILS,
    SettingsFault.NOBODY: CONF_EMAILS,
    SettingsFault.INVALID_COUNTRY: CONF_COUNTRIES,
    SettingsFault.INVALID_PATH: CONF_OPEN_PATHS,
    SettingsFault.PATHS_WITHOUT_TOKEN: CONF_CONNECTOR,
}


@dataclass(frozen=True, kw_only=True)
class LoginChoices:
    """The hostnames, groups and login methods of an account, as they were read for a dialog."""

    access: AccessCoordinator
    observation: AccessObservation
    hostnames: Mapping[str, ServedHostname]

    @classmethod
    async def load(cls, access: AccessCoordinator) -> Self | Message:
        """Return what there is to choose from, or why that cannot be read."""
        client, account_id = access.client, access.account_id
        try:
            visible = await client.zones.list()
            zones = [each for each in visible if each.account.id == account_id]
            tunnels = await client.tunnels.list(account_id)
            served = await find_served(client, [each.id for each in zones])
            observation = await access.writer.observe()
        except PermissionMissing as err:
            others = await find_missing_for_logins(client, account_id)
            return describe_missing(dict.fromkeys((*others, err.permission)))
        except EngineError as err:
            return describe_access(err)
        return cls(
            access=access,
            observation=observation,
            hostnames=served_hostnames(tunnels, served, zones),
        )

    @property
    def offered(self) -> list[str]:
        """Return the hostnames that may begin to ask for a login, the one of the browser first.

        Nobody could log in at a protected hostname, where apps show their certificates.
        """
        taken = self.access.writer.mobile_hostnames | self.access.logins.keys()
        browser = URL(self.access.hass.config.external_url or "").host
        return sorted(
            self.hostnames.keys() - taken, key=lambda name: (name != browser, name)
        )

    def demanding(self, hostname: str) -> str | None:
        """Return the tunnel of a hostname, if its cloudflared can be told to demand a login's token."""
        tunnel = self.hostnames[hostname].tunnel
        return tunnel.id if tunnel.remotely_managed else None

    def foreign_application(self, hostname: str) -> str | None:
        """Return the name of somebody else's application that stands in front of a hostname."""
        ids = self.access.writer.ids_of(hostname, adopted=False)
        own = own_application(self.observation, hostname, ids)
        for application, uri in covering(self.observation.applications, hostname):
            if uri == hostname and not path_of(uri) and application is not own:
                return application.name
        return None

    @property
    def methods(self) -> dict[str, str]:
        """Return the names of the login methods; the one-time PIN is always there to choose."""
        return {
            ONE_TIME_PIN: ONE_TIME_PIN,
            **{
                each.id: each.name
                for each in self.observation.login_methods
                if not each.is_one_time_pin
            },
        }

    @property
    def groups(self) -> dict[str, str]:
        """Return the names of the account's groups, but not of those that we keep."""
        ours = {each.ids.group for each in self.access.records.records.values()}
        return {
            each.id: each.name
            for each in self.observation.groups
            if each.id not in ours
        }

    def settings(
        self,
        hostname: str,
        people: Mapping[str, Any],
        rules: Mapping[str, Any],
    ) -> LoginSettings | Message:
        """Return the settings that a person chose in both forms, or what is wrong with them."""
        served = self.hostnames[hostname]
        chosen = set(rules[CONF_LOGIN_METHODS])
        if not chosen:
            return Message("login_methods_empty", field=CONF_LOGIN_METHODS)
        try:
            return LoginSettings(
                hostname=hostname,
                zone_id=served.zone.id,
                who=read_who(people),
                countries=read_countries(people),
                login_methods=frozenset(chosen - {ONE_TIME_PIN}),
                one_time_pin=ONE_TIME_PIN in chosen,
                session=SESSIONS[rules[CONF_SESSION]],
                open_paths=frozenset(
                    path for each in rules[CONF_OPEN_PATHS] if (path := each.strip())
                ),
                keep_in_sync=rules[CONF_KEEP_IN_SYNC],
                connector_of=self.demanding(hostname)
                if rules.get(CONF_CONNECTOR)
                else None,
            )
        except InvalidLoginSettings as err:
            return describe_fault(err)


def read_who(people: Mapping[str, Any]) -> People | PeopleOfGroup:
    """Return who may log in; an address that is none stays as it was typed."""
    if group_id := people.get(CONF_GROUP_ID):
        return PeopleOfGroup(group_id)
    typed = [people.get(CONF_OWN_EMAIL, ""), *people.get(CONF_EMAILS, ())]
    return People(frozenset(read_email(each) or each for each in typed if each.strip()))


def read_countries(people: Mapping[str, Any]) -> frozenset[str]:
    """Return from which countries people may come; none for all."""
    return frozenset(code.upper() for code in people.get(CONF_COUNTRIES, ()))


def describe_access(err: EngineError) -> Message:
    """Return the sentence for an error of a call of Access."""
    if isinstance(err, ZeroTrustNotSetUp):
        return Message("login_zero_trust_not_set_up")
    return describe(err)


def describe_login_pages(written: LoginWritten) -> Message | None:
    """Return the sentence for protected hostnames that show a login page, None if none does."""
    if not written.login_pages:
        return None
    names = ", ".join(sorted(written.login_pages))
    if written.is_undone:
        return Message("login_pages_undone", {"mobile_hostnames": names})
    return Message("login_pages", {"mobile_hostnames": names})


def describe_fault(err: InvalidLoginSettings) -> Message:
    """Return the sentence for settings that are not accepted."""
    return Message(
        f"login_{err.fault}", {"value": err.value}, _FIELDS.get(err.fault, "base")
    )
