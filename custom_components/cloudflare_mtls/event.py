"""Events for Cloudflare mTLS."""

from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, CONF_TYPE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bus_events import CertificateEvent
from .const import CONF_HOSTNAME, EVENT_CERTIFICATE, EVENT_FIXED
from .entity import AccountEntity, HostnameEntity
from .runtime_data import CloudflareConfigEntry
from .subentries import hostnames_of

PARALLEL_UPDATES = 0

FIXED = EventEntityDescription(
    key="fixed", translation_key="fixed", event_types=["fixed"]
)
CERTIFICATE = EventEntityDescription(
    key="certificate",
    translation_key="certificate",
    event_types=[event.value for event in CertificateEvent],
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event of the account, and one for each protected hostname."""
    async_add_entities(
        [CertificateEventEntity(entry.runtime_data.protection, CERTIFICATE)]
    )
    for subentry_id, settings in hostnames_of(entry.subentries).items():
        event = FixedEvent(entry.runtime_data.protection, FIXED, settings, subentry_id)
        async_add_entities([event], config_subentry_id=subentry_id)


class FixedEvent(HostnameEntity, EventEntity):
    """Tells when somebody changed a hostname at Cloudflare, and what was put right."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.hass.bus.async_listen(EVENT_FIXED, self._async_fixed))

    @callback
    def _async_fixed(self, event: Event[dict[str, Any]]) -> None:
        if event.data[CONF_HOSTNAME] == self._settings.hostname:
            self._trigger_event("fixed", {"steps": event.data["steps"]})
            self.async_write_ha_state()


class CertificateEventEntity(AccountEntity, EventEntity):
    """Tells what happens to certificates."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(
            self.hass.bus.async_listen(EVENT_CERTIFICATE, self._async_happened)
        )

    @callback
    def _async_happened(self, event: Event[dict[str, Any]]) -> None:
        details = dict(event.data)
        kind = details.pop(CONF_TYPE)
        if details.pop(ATTR_CONFIG_ENTRY_ID) == self.coordinator.config_entry.entry_id:
            self._trigger_event(kind, details)
            self.async_write_ha_state()
