"""Conditions for Cloudflare mTLS."""

from typing import Any, Final, override

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR
from homeassistant.components.sensor import DOMAIN as SENSOR
from homeassistant.const import CONF_OPTIONS, STATE_ON
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import (
    ENTITY_STATE_CONDITION_SCHEMA_ANY_ALL,
    Condition,
    ConditionConfig,
    EntityConditionBase,
    EntityStateConditionBase,
)
import homeassistant.helpers.config_validation as cv
import probatio

from .own_entities import own_entities

CONF_DAYS: Final = "days"

_VALID_FOR_SCHEMA: Final = ENTITY_STATE_CONDITION_SCHEMA_ANY_ALL.extend(
    {probatio.Required(CONF_OPTIONS): {probatio.Required(CONF_DAYS): cv.positive_int}}
)


class HostnameIsProtected(EntityStateConditionBase):
    """Whether hostnames block visitors without a certificate."""

    _domain_specs = {BINARY_SENSOR: DomainSpec()}
    _states = {STATE_ON}
    _primary_entities_only = False

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return own_entities(self._hass, super().entity_filter(entities), "enforced")


class CertificateIsValidFor(EntityConditionBase):
    """Whether certificates are valid for at least some days."""

    _domain_specs = {SENSOR: DomainSpec()}
    _schema = _VALID_FOR_SCHEMA
    _primary_entities_only = False

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Initialize the condition."""
        super().__init__(hass, config)
        options: dict[str, Any] = config.options or {}
        self._days: int = options[CONF_DAYS]

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return own_entities(self._hass, super().entity_filter(entities), "days_left")

    @override
    def is_valid_state(self, entity_state: State) -> bool:
        return float(entity_state.state) >= self._days


CONDITIONS: Final[dict[str, type[Condition]]] = {
    "hostname_is_protected": HostnameIsProtected,
    "certificate_is_valid_for": CertificateIsValidFor,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions for Cloudflare mTLS."""
    return CONDITIONS
