"""Events for automations: what happened to certificates, and what was fixed."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    ATTR_CONFIG_ENTRY_ID,
    ATTR_DEVICE_ID,
    ATTR_NAME,
    CONF_TYPE,
)
from homeassistant.core import HomeAssistant, callback

from .const import CONF_HOSTNAME, EVENT_CERTIFICATE, EVENT_FIXED
from .device_ids import async_device_id_of_companion, async_device_id_of_hostname
from .engine.certificates.certificate import Certificate, ListedCertificate
from .engine.sync.steps import DescribableStep, describe_step
from .quoting import plain
from .subentries import find_companion

ATTR_CERTIFICATE_ID: Final = "certificate_id"


class CertificateEvent(StrEnum):
    """What happened to a certificate."""

    CREATED = "created"
    RENEWED = "renewed"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN_CERTIFICATE = "unknown_certificate"


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
