"""What an action is, and the account and the hostname that it is for."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, service
from homeassistant.helpers.selector import ConfigEntrySelector
import probatio

from ..const import DOMAIN
from ..engine.sync.settings import HostnameSettings, read_hostname
from ..quoting import shown
from ..runtime_data import CloudflareConfigEntry
from ..subentries import hostnames_of

ENTRY_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(ATTR_CONFIG_ENTRY_ID): ConfigEntrySelector(
            {"integration": DOMAIN}
        )
    }
)


@dataclass(frozen=True, kw_only=True)
class Action:
    """An action as it is registered."""

    name: str
    handler: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]
    schema: probatio.Schema
    response: SupportsResponse = SupportsResponse.OPTIONAL


def entry_of(call: ServiceCall) -> CloudflareConfigEntry:
    """Return the account that a call names; raise ServiceValidationError unless it is loaded."""
    return loaded_entry(call.hass, call.data[ATTR_CONFIG_ENTRY_ID])


def loaded_entry(hass: HomeAssistant, entry_id: str) -> CloudflareConfigEntry:
    """Return an account; raise ServiceValidationError unless it is loaded."""
    entry: CloudflareConfigEntry = service.async_get_config_entry(
        hass, DOMAIN, entry_id
    )
    return entry


def subentry_of_device[SettingsT](
    hass: HomeAssistant,
    device_id: str,
    settings_by_subentry: Callable[
        [Mapping[str, ConfigSubentry]], Mapping[str, SettingsT]
    ],
) -> tuple[CloudflareConfigEntry, SettingsT] | None:
    """Return the account and the settings of what a device stands for, None if it is another one.

    Raises ServiceValidationError unless the account is loaded.
    """
    if device := dr.async_get(hass).async_get(device_id):
        ids = {
            identifier for domain, identifier in device.identifiers if domain == DOMAIN
        }
        for entry in hass.config_entries.async_entries(DOMAIN):
            for subentry_id, settings in settings_by_subentry(entry.subentries).items():
                if subentry_id in ids:
                    return loaded_entry(hass, entry.entry_id), settings
    return None


def settings_of(entry: CloudflareConfigEntry, hostname: str) -> HostnameSettings:
    """Return the settings of a hostname; raise ServiceValidationError unless it is protected."""
    for settings in hostnames_of(entry.subentries).values():
        if settings.hostname == read_hostname(hostname):
            return settings
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="hostname_not_found",
        translation_placeholders=shown({"hostname": hostname}),
    )
