"""Events for automations: what happened to certificates, what was fixed, and who logged in."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    ATTR_CONFIG_ENTRY_ID,
    ATTR_DEVICE_ID,
    ATTR_NAME,
    CONF_TYPE,
)
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventOrigin,
    HomeAssistant,
    callback,
)
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util.signal_type import SignalTypeFormat

from .const import CONF_HOSTNAME, DOMAIN, EVENT_CERTIFICATE, EVENT_FIXED, EVENT_LOGIN
from .device_ids import async_device_id_of_companion, async_device_id_of_hostname
from .engine.access.logins import Login
from .engine.certificates.certificate import Certificate, ListedCertificate
from .engine.sync.steps import DescribableStep, describe_step
from .quoting import plain
from .subentries import find_companion

ATTR_CERTIFICATE_ID: Final = "certificate_id"

# For each account, by its entry id: a hostname, and a login there that is told now.
SIGNAL_LOGIN = SignalTypeFormat[str, Login](f"{DOMAIN}_login_{{}}")


class CertificateEvent(StrEnum):
    """What happened to a certificate.

    OLD_REVOKED: it was revoked, and its device gets in with another one.
    """

    CREATED = "created"
    RENEWED = "renewed"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"
    OLD_REVOKED = "old_revoked"
    RESTORED = "restored"
    SHARED = "shared"
    UNKNOWN_CERTIFICATE = "unknown_certificate"


class LoginEvent(StrEnum):
    """What became of a login."""

    ALLOWED = "allowed"
    REFUSED = "refused"

    @classmethod
    def of(cls, login: Login) -> LoginEvent:
        """Return what became of a login."""
        return cls.ALLOWED if login.allowed else cls.REFUSED


@callback
def async_listen_to_ours(
    hass: HomeAssistant,
    event_type: str,
    happened: Callable[[Event[dict[str, Any]]], None],
) -> CALLBACK_TYPE:
    """Listen to events that Home Assistant itself fires: every user's app may fire one with anything in it."""

    @callback
    def heard(event: Event[dict[str, Any]]) -> None:
        if event.origin is EventOrigin.local:
            happened(event)

    return hass.bus.async_listen(event_type, heard)


@callback
def async_fire_certificate(
    hass: HomeAssistant,
    entry: ConfigEntry,
    event: CertificateEvent,
    certificate: ListedCertificate,
    device_id: str | None,
) -> None:
    """Fire what happened to a certificate, and to which companion device it belongs.

    The name is that of the device, which a person may have changed since. One that cannot be read
    has no date, and without a device no name either.
    """
    facts = certificate.facts if isinstance(certificate, Certificate) else None
    device = find_companion(entry.subentries, device_id) if device_id else None
    named = device or facts
    hass.bus.async_fire(
        EVENT_CERTIFICATE,
        {
            CONF_TYPE: event,
            ATTR_CONFIG_ENTRY_ID: entry.entry_id,
            ATTR_DEVICE_ID: async_device_id_of_companion(hass, entry, device_id),
            ATTR_CERTIFICATE_ID: certificate.id,
            ATTR_NAME: plain(named.name) if named else None,
            "expires_on": facts.expires_on.isoformat() if facts else None,
        },
    )


@callback
def async_fire_fixed(
    hass: HomeAssistant,
    entry: ConfigEntry,
    hostname: str,
    steps: Iterable[DescribableStep],
) -> None:
    """Fire which drift of a hostname was fixed."""
    hass.bus.async_fire(
        EVENT_FIXED,
        {
            ATTR_CONFIG_ENTRY_ID: entry.entry_id,
            ATTR_DEVICE_ID: async_device_id_of_hostname(hass, entry, hostname),
            CONF_HOSTNAME: hostname,
            "steps": [describe_step(step) for step in steps],
        },
    )


@callback
def async_fire_login(
    hass: HomeAssistant, entry: ConfigEntry, hostname: str, login: Login
) -> None:
    """Fire that somebody logged in at a hostname, or was refused.

    Who it was is told to the entities only: the recorder keeps every event, and personal data have
    no place there.
    """
    hass.bus.async_fire(
        EVENT_LOGIN,
        {
            CONF_TYPE: LoginEvent.of(login),
            ATTR_CONFIG_ENTRY_ID: entry.entry_id,
            ATTR_DEVICE_ID: async_device_id_of_hostname(hass, entry, hostname),
            CONF_HOSTNAME: hostname,
            "at": login.at.isoformat(),
            "country": plain(login.country),
            "method": plain(login.method),
        },
    )
    async_dispatcher_send(hass, SIGNAL_LOGIN.format(entry.entry_id), hostname, login)
