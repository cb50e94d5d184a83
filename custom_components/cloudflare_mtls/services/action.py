"""What an action is, and the account that each of them is for."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
)
from homeassistant.helpers import service
from homeassistant.helpers.selector import ConfigEntrySelector
import probatio

from ..const import DOMAIN
from ..runtime_data import CloudflareConfigEntry

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
