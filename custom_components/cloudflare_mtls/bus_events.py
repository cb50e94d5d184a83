"""Events for automations: what happened to certificates, and what was fixed."""

from collections.abc import Iterable
from enum import StrEnum

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    ATTR_CONFIG_ENTRY_ID,
    ATTR_DEVICE_ID,
    ATTR_NAME,
    CONF_TYPE,
)
from homeassistant.core import HomeAssistant, callback

from .const import CONF_HOSTNAME, EVENT_CERTIFICATE, EVENT_FIXED
from .device_ids import async_device_id_of_certificate, async_device_id_of_hostname
from .engine.certificates.companions import Certificate
from .engine.sync.steps import Step, describe_step
from .quoting import plain


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
    certificate: Certificate,
) -> None:
    """Fire what happened to a certificate."""
    hass.bus.async_fire(
        EVENT_CERTIFICATE,
        {
            CONF_TYPE: event,
            ATTR_CONFIG_ENTRY_ID: entry.entry_id,
            ATTR_DEVICE_ID: async_device_id_of_certificate(hass, entry, certificate),
            "certificate_id": certificate.id,
            ATTR_NAME: plain(certificate.facts.name),
            "expires_on": certificate.facts.expires_on.isoformat(),
        },
    )


@callback
def async_fire_fixed(
    hass: HomeAssistant, entry: ConfigEntry, hostname: str, steps: Iterable[Step]
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
