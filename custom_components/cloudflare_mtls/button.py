"""Buttons for Cloudflare mTLS."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import CloudflareConfigEntry
from .entity import HostnameEntity
from .errors import raise_translated
from .hostnames import hostnames_of
from .reconciler import Extent

PARALLEL_UPDATES = 1

SYNC = ButtonEntityDescription(
    key="sync", translation_key="sync", entity_category=EntityCategory.CONFIG
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up a button for each protected hostname."""
    for subentry_id, settings in hostnames_of(entry).items():
        button = SyncButton(entry.runtime_data.edge, SYNC, settings, subentry_id)
        async_add_entities([button], config_subentry_id=subentry_id)


class SyncButton(HostnameEntity, ButtonEntity):
    """Brings a hostname to what it must be, at once."""

    @override
    async def async_press(self) -> None:
        with raise_translated():
            extent = Extent(hostnames={self._settings.hostname})
            zones = await self.coordinator.reconciler.sync(extent)
            await self.coordinator.async_refresh()
            for zone in zones.values():
                zone.raise_if_stopped()
