"""Converts subentries to settings of hostnames and devices, and back."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_NAME

from .const import (
    CONF_ADOPTED,
    CONF_CONNECTOR_OF,
    CONF_COUNTRIES,
    CONF_DEVICES,
    CONF_EMAILS,
    CONF_EXEMPT_PATHS,
    CONF_FOUND,
    CONF_GROUP_ID,
    CONF_HOSTNAME,
    CONF_KEEP_IN_SYNC,
    CONF_LAYOUT,
    CONF_LOGIN_METHODS,
    CONF_NOTIFY_DEVICE_ID,
    CONF_ONE_TIME_PIN,
    CONF_OPEN_PATHS,
    CONF_PUBLISHED,
    CONF_PURPOSE,
    CONF_SERVICE,
    CONF_SESSION,
    CONF_SYSTEM,
    CONF_TUNNEL_ID,
    CONF_WAS_ASKED,
    CONF_ZONE_ID,
    SUBENTRY_COMPANION_DEVICE,
    SUBENTRY_LOGIN_HOSTNAME,
    SUBENTRY_PROTECTED_HOSTNAME,
)
from .engine.access.settings import LoginSettings, People, PeopleOfGroup
from .engine.api.names import in_letters
from .engine.certificates.companions import CompanionDevice
from .engine.certificates.names import read_name
from .engine.certificates.systems import System
from .engine.sync.settings import (
    Found,
    HostnameSettings,
    Layout,
    ProtectedHostname,
    Purpose,
)

# So many hostnames, and so many devices, of all accounts; beyond that, some are read again.
_REMEMBERED: Final = 1024


class _Version:
    """A subentry as it is now: Home Assistant changes one by putting other data into it."""

    __slots__ = ("_data", "_texts", "subentry")

    def __init__(self, subentry: ConfigSubentry) -> None:
        self.subentry = subentry
        self._data = subentry.data
        self._texts = (subentry.title, subentry.unique_id)

    @override
    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Version)
            and self._data is other._data
            and self._texts == other._texts
        )

    @override
    def __hash__(self) -> int:
        return id(self._data)


def _once[ReadT](
    read: Callable[[ConfigSubentry], ReadT],
) -> Callable[[ConfigSubentry], ReadT]:
    """Read each version of a subentry once: a refresh asks many times for all of them."""

    @lru_cache(maxsize=_REMEMBERED)
    def remembered(version: _Version) -> ReadT:
        return read(version.subentry)

    return lambda subentry: remembered(_Version(subentry))


def hostnames_of(
    subentries: Mapping[str, ConfigSubentry],
) -> dict[str, HostnameSettings]:
    """Return the settings of every protected hostname, by subentry id."""
    return {
        subentry.subentry_id: hostname_of(subentry)
        for subentry in _of_type(subentries, SUBENTRY_PROTECTED_HOSTNAME)
    }


def hostname_subentry_ids(
    subentries: Mapping[str, ConfigSubentry],
) -> dict[str, str]:
    """Return the ids of the subentries of the protected hostnames, by hostname."""
    items = hostnames_of(subentries).items()
    return {item.hostname: subentry_id for subentry_id, item in items}


@_once
def hostname_of(subentry: ConfigSubentry) -> HostnameSettings:
    """Return the settings of the protected hostname that a subentry holds."""
    return read_hostname_settings(subentry.data)


def read_hostname_settings(data: Mapping[str, Any]) -> HostnameSettings:
    """Return the settings that the data of a subentry hold."""
    devices = data.get(CONF_DEVICES)
    return HostnameSettings(
        zone_id=data[CONF_ZONE_ID],
        protected=ProtectedHostname(
            hostname=data[CONF_HOSTNAME],
            tunnel_id=data[CONF_TUNNEL_ID],
            service=data[CONF_SERVICE],
            # Earlier versions knew of no other service.
            purpose=Purpose(data.get(CONF_PURPOSE, Purpose.HOME_ASSISTANT)),
            layout=Layout(data[CONF_LAYOUT]),
            exempt_paths=tuple(data[CONF_EXEMPT_PATHS]),
            published=data[CONF_PUBLISHED],
            found=Found(data.get(CONF_FOUND, Found.CREATED)),
            was_asked=data.get(CONF_WAS_ASKED, False),
            # Earlier versions had no limited hostnames.
            devices=None if devices is None else frozenset(devices),
        ),
        keep_in_sync=data[CONF_KEEP_IN_SYNC],
    )


def hostname_data(settings: HostnameSettings) -> dict[str, Any]:
    """Return the settings of a protected hostname as the data of a subentry."""
    protected = settings.protected
    devices = protected.devices
    return {
        CONF_HOSTNAME: protected.hostname,
        CONF_ZONE_ID: settings.zone_id,
        CONF_TUNNEL_ID: protected.tunnel_id,
        CONF_SERVICE: protected.service,
        CONF_PURPOSE: protected.purpose.value,
        CONF_LAYOUT: protected.layout.value,
        CONF_EXEMPT_PATHS: list(protected.exempt_paths),
        CONF_PUBLISHED: protected.published,
        CONF_FOUND: protected.found.value,
        **({CONF_WAS_ASKED: True} if protected.was_asked else {}),
        CONF_KEEP_IN_SYNC: settings.keep_in_sync,
        CONF_DEVICES: None if devices is None else sorted(devices),
    }


def hostname_subentry(settings: HostnameSettings) -> ConfigSubentry:
    """Return a new subentry for a protected hostname."""
    return ConfigSubentry(
        data=MappingProxyType(hostname_data(settings)),
        subentry_type=SUBENTRY_PROTECTED_HOSTNAME,
        title=in_letters(settings.hostname),
        unique_id=settings.hostname,
    )


def login_hostnames_of(
    subentries: Mapping[str, ConfigSubentry],
) -> dict[str, LoginSettings]:
    """Return the settings of every login hostname, by subentry id."""
    return {
        subentry.subentry_id: login_hostname_of(subentry)
        for subentry in _of_type(subentries, SUBENTRY_LOGIN_HOSTNAME)
    }


def logins_of(subentries: Mapping[str, ConfigSubentry]) -> dict[str, LoginSettings]:
    """Return the settings of every login hostname, by hostname."""
    settings = login_hostnames_of(subentries).values()
    return {each.hostname: each for each in settings}


@_once
def login_hostname_of(subentry: ConfigSubentry) -> LoginSettings:
    """Return the settings of the login hostname that a subentry holds."""
    return read_login_settings(subentry.data)


def read_login_settings(data: Mapping[str, Any]) -> LoginSettings:
    """Return the settings of a login hostname that the data of a subentry hold."""
    group_id = data[CONF_GROUP_ID]
    return LoginSettings(
        hostname=data[CONF_HOSTNAME],
        zone_id=data[CONF_ZONE_ID],
        who=PeopleOfGroup(group_id)
        if group_id
        else People(frozenset(data[CONF_EMAILS])),
        countries=frozenset(data[CONF_COUNTRIES]),
        login_methods=frozenset(data[CONF_LOGIN_METHODS]),
        one_time_pin=data[CONF_ONE_TIME_PIN],
        session=timedelta(seconds=data[CONF_SESSION]),
        open_paths=frozenset(data[CONF_OPEN_PATHS]),
        keep_in_sync=data[CONF_KEEP_IN_SYNC],
        connector_of=data[CONF_CONNECTOR_OF],
        adopted=data[CONF_ADOPTED],
    )


def login_data(settings: LoginSettings) -> dict[str, Any]:
    """Return the settings of a login hostname as the data of a subentry."""
    who: dict[str, Any]
    match settings.who:
        case People(emails):
            who = {CONF_EMAILS: sorted(emails), CONF_GROUP_ID: None}
        case PeopleOfGroup(group_id):
            who = {CONF_EMAILS: [], CONF_GROUP_ID: group_id}
    return {
        CONF_HOSTNAME: settings.hostname,
        CONF_ZONE_ID: settings.zone_id,
        **who,
        CONF_COUNTRIES: sorted(settings.countries),
        CONF_LOGIN_METHODS: sorted(settings.login_methods),
        CONF_ONE_TIME_PIN: settings.one_time_pin,
        CONF_SESSION: round(settings.session.total_seconds()),
        CONF_OPEN_PATHS: sorted(settings.open_paths),
        CONF_KEEP_IN_SYNC: settings.keep_in_sync,
        CONF_CONNECTOR_OF: settings.connector_of,
        CONF_ADOPTED: settings.adopted,
    }


def login_subentry(settings: LoginSettings) -> ConfigSubentry:
    """Return a new subentry for a login hostname."""
    return ConfigSubentry(
        data=MappingProxyType(login_data(settings)),
        subentry_type=SUBENTRY_LOGIN_HOSTNAME,
        title=in_letters(settings.hostname),
        unique_id=settings.hostname,
    )


def companions_of(
    subentries: Mapping[str, ConfigSubentry],
) -> dict[str, CompanionDevice]:
    """Return every companion device, by subentry id."""
    return {
        subentry.subentry_id: companion_of(subentry)
        for subentry in _of_type(subentries, SUBENTRY_COMPANION_DEVICE)
    }


def find_companion(
    subentries: Mapping[str, ConfigSubentry], device_id: str
) -> CompanionDevice | None:
    """Return a companion device by its id, or None if it is not there."""
    devices = companions_of(subentries).values()
    return next((item for item in devices if item.id == device_id), None)


@_once
def companion_of(subentry: ConfigSubentry) -> CompanionDevice:
    """Return the companion device that a subentry holds.

    Home Assistant's own menu changes only the title, to anything that a person types.
    """
    assert subentry.unique_id is not None
    title = subentry.title
    return CompanionDevice(
        id=subentry.unique_id,
        name=read_name(title) or subentry.data[CONF_NAME],
        system=System(subentry.data[CONF_SYSTEM]),
        zone_id=subentry.data[CONF_ZONE_ID],
        hostname=subentry.data.get(CONF_HOSTNAME),
        notify_device_id=subentry.data.get(CONF_NOTIFY_DEVICE_ID),
    )


def companion_data(device: CompanionDevice) -> dict[str, Any]:
    """Return a companion device as the data of a subentry."""
    return {
        CONF_NAME: device.name,
        CONF_SYSTEM: device.system.value,
        CONF_ZONE_ID: device.zone_id,
        CONF_HOSTNAME: device.hostname,
        CONF_NOTIFY_DEVICE_ID: device.notify_device_id,
    }


def companion_subentry(device: CompanionDevice) -> ConfigSubentry:
    """Return a new subentry for a companion device."""
    return ConfigSubentry(
        data=MappingProxyType(companion_data(device)),
        subentry_type=SUBENTRY_COMPANION_DEVICE,
        title=device.name,
        unique_id=device.id,
    )


def _of_type(
    subentries: Mapping[str, ConfigSubentry], subentry_type: str
) -> Iterable[ConfigSubentry]:
    return (item for item in subentries.values() if item.subentry_type == subentry_type)
