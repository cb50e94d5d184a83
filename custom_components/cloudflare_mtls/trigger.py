"""Triggers for Cloudflare mTLS."""

from typing import Any, Final, override

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR
from homeassistant.const import (
    ATTR_DEVICE_ID,
    CONF_OPTIONS,
    CONF_TYPE,
    STATE_OFF,
    STATE_ON,
)
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.device_registry import (
    async_get_device_and_config_entry_for_domain,
)
from homeassistant.helpers.trigger import (
    EntityTargetStateTriggerBase,
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
import probatio

from .bus_events import CertificateEvent, LoginEvent, async_listen_to_ours
from .const import DOMAIN, EVENT_CERTIFICATE, EVENT_FIXED, EVENT_LOGIN
from .own_entities import own_entities

_EVENT_SCHEMA: Final = probatio.Schema(
    {
        probatio.Optional(CONF_OPTIONS, default={}): {
            probatio.Optional(ATTR_DEVICE_ID, default=[]): probatio.All(
                probatio.EnsureList(), [cv.string]
            )
        }
    }
)


class _EventTrigger(Trigger):
    """Trigger on an event about one of the chosen devices, or about any if none is chosen."""

    _event_type: str
    _wanted: dict[str, str]

    @classmethod
    @override
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        valid: ConfigType = _EVENT_SCHEMA(config)
        for device_id in valid[CONF_OPTIONS][ATTR_DEVICE_ID]:
            _, entry = async_get_device_and_config_entry_for_domain(
                hass, device_id, domain=DOMAIN
            )
            if entry is None:
                raise probatio.Invalid(f"Device {device_id} is not of {DOMAIN}")
        return valid

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Initialize the trigger."""
        super().__init__(hass, config)
        options = config.options or {}
        self._device_ids = frozenset(options[ATTR_DEVICE_ID])

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        @callback
        def happened(event: Event[dict[str, Any]]) -> None:
            if self._wanted.items() <= event.data.items() and (
                not self._device_ids or event.data[ATTR_DEVICE_ID] in self._device_ids
            ):
                run_action(
                    dict(event.data), f"event '{event.event_type}'", event.context
                )

        return async_listen_to_ours(self._hass, self._event_type, happened)


def _make_event_trigger(event_type: str, **wanted: str) -> type[Trigger]:
    """Create a trigger on events of a type whose data hold these."""

    class EventTrigger(_EventTrigger):
        """Trigger on events of this type."""

        _event_type = event_type
        _wanted = wanted

    return EventTrigger


def _make_binary_sensor_trigger(
    key: str, to_state: str, *, also_from_unknown: bool = False
) -> type[Trigger]:
    """Create a trigger on the binary sensors with this key that change to a state.

    also_from_unknown: whether it counts as a change where nobody knew the state before.
    """

    class BinarySensorTrigger(EntityTargetStateTriggerBase):
        """Trigger on these binary sensors."""

        _domain_specs = {BINARY_SENSOR: DomainSpec()}
        _to_states = {to_state}
        _primary_entities_only = False

        @override
        def entity_filter(self, entities: set[str]) -> set[str]:
            return own_entities(self._hass, super().entity_filter(entities), key)

    class AlsoFromUnknown(BinarySensorTrigger):
        """Trigger on them also after a time of which nobody knows."""

        _excluded_from_states = frozenset()

    return AlsoFromUnknown if also_from_unknown else BinarySensorTrigger


TRIGGERS: Final[dict[str, type[Trigger]]] = {
    "certificate_expires_soon": _make_event_trigger(
        EVENT_CERTIFICATE, **{CONF_TYPE: CertificateEvent.EXPIRING}
    ),
    "certificate_expired": _make_event_trigger(
        EVENT_CERTIFICATE, **{CONF_TYPE: CertificateEvent.EXPIRED}
    ),
    "unknown_certificate_found": _make_event_trigger(
        EVENT_CERTIFICATE, **{CONF_TYPE: CertificateEvent.UNKNOWN_CERTIFICATE}
    ),
    "settings_fixed": _make_event_trigger(EVENT_FIXED),
    "login_allowed": _make_event_trigger(
        EVENT_LOGIN, **{CONF_TYPE: LoginEvent.ALLOWED}
    ),
    "login_refused": _make_event_trigger(
        EVENT_LOGIN, **{CONF_TYPE: LoginEvent.REFUSED}
    ),
    "tunnel_disconnected": _make_binary_sensor_trigger("connected", STATE_OFF),
    "tunnel_connected": _make_binary_sensor_trigger("connected", STATE_ON),
    # It may have been opened while Home Assistant was off.
    "visitors_get_in": _make_binary_sensor_trigger(
        "enforced", STATE_OFF, also_from_unknown=True
    ),
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers for Cloudflare mTLS."""
    return TRIGGERS
