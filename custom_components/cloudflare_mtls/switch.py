"""Switches for Cloudflare mTLS."""

from dataclasses import replace
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .engine.sync.reconciler import Extent
from .entity import HostnameEntity
from .runtime_data import CloudflareConfigEntry
from .subentries import hostname_data, hostnames_of
from .wording import raise_translated

PARALLEL_UPDATES = 1

PUBLISHED = SwitchEntityDescription(key="published", translation_key="published")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up a switch for each protected hostname."""
    for subentry_id, settings in hostnames_of(entry.subentries).items():
        switch = PublishedSwitch(
            entry.runtime_data.protection, PUBLISHED, settings, subentry_id
        )
        async_add_entities([switch], config_subentry_id=subentry_id)


class PublishedSwitch(HostnameEntity, SwitchEntity):
    """Takes a hostname off the internet, and puts it back."""

    @property
    @override
    def is_on(self) -> bool:
        return self._settings.protected.published

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._publish(published=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._publish(published=False)

    async def _publish(self, *, published: bool) -> None:
        """Make the change at Cloudflare, and only then keep it: the account reloads."""
        settings = replace(
            self._settings,
            protected=replace(self._settings.protected, published=published),
        )
        reconciler = self.coordinator.reconciler.with_hostname(settings)
        with raise_translated():
            extent = Extent(hostnames={settings.hostname})
            for zone in (await reconciler.sync(extent)).values():
                zone.raise_if_stopped()
        entry = self.coordinator.config_entry
        self.hass.config_entries.async_update_subentry(
            entry, entry.subentries[self._subentry_id], data=hostname_data(settings)
        )
