"""Buttons for Cloudflare mTLS."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .certificates import async_revoke
from .companions import companions_of
from .coordinator import CloudflareConfigEntry
from .entity import CompanionEntity, HostnameEntity
from .errors import raise_translated
from .hostnames import hostnames_of
from .reconciler import Extent
from .renewal import async_renew_alike

PARALLEL_UPDATES = 1

SYNC = ButtonEntityDescription(
    key="sync", translation_key="sync", entity_category=EntityCategory.CONFIG
)
RENEW = ButtonEntityDescription(key="renew", translation_key="renew")
REVOKE = ButtonEntityDescription(key="revoke", translation_key="revoke")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons of each protected hostname and of each companion device."""
    edge = entry.runtime_data.edge
    for subentry_id, settings in hostnames_of(entry).items():
        button = SyncButton(edge, SYNC, settings, subentry_id)
        async_add_entities([button], config_subentry_id=subentry_id)
    for subentry_id, device in companions_of(entry).items():
        async_add_entities(
            [
                RenewButton(edge, RENEW, device, subentry_id),
                RevokeButton(edge, REVOKE, device, subentry_id),
            ],
            config_subentry_id=subentry_id,
        )


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


class RenewButton(CompanionEntity, ButtonEntity):
    """Mints a new certificate like the one before, and tells where it waits."""

    @override
    async def async_press(self) -> None:
        assert self.companion
        with raise_translated():
            await async_renew_alike(
                self.hass, self.coordinator.config_entry, self.companion
            )


class RevokeButton(CompanionEntity, ButtonEntity):
    """Revokes every certificate of a device, at once."""

    @override
    async def async_press(self) -> None:
        assert self.companion
        with raise_translated():
            for certificate in self.companion.certificates:
                if certificate.is_active:
                    await async_revoke(
                        self.hass, self.coordinator.config_entry, certificate
                    )
