"""Buttons for Cloudflare mTLS."""

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .engine.sync.reconciler import Extent
from .entity import CompanionEntity, HostnameEntity
from .runtime_data import CloudflareConfigEntry
from .subentries import companions_of, hostnames_of
from .wording import raise_translated

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
    protection = entry.runtime_data.protection
    for subentry_id, settings in hostnames_of(entry.subentries).items():
        button = SyncButton(protection, SYNC, settings, subentry_id)
        async_add_entities([button], config_subentry_id=subentry_id)
    for subentry_id, device in companions_of(entry.subentries).items():
        async_add_entities(
            [
                RenewButton(protection, RENEW, device, subentry_id),
                RevokeButton(protection, REVOKE, device, subentry_id),
            ],
            config_subentry_id=subentry_id,
        )


class SyncButton(HostnameEntity, ButtonEntity):
    """Brings a hostname to what it must be, at once."""

    @override
    async def async_press(self) -> None:
        with raise_translated():
            extent = Extent(hostnames={self._settings.hostname})
            zones = await self.coordinator.async_sync(extent)
            for zone in zones.values():
                zone.raise_if_stopped()


class RenewButton(CompanionEntity, ButtonEntity):
    """Creates a new certificate like the one before, and tells where it waits."""

    @override
    async def async_press(self) -> None:
        assert self.companion
        with raise_translated():
            await self.coordinator.config_entry.runtime_data.certificates.async_renew(
                self.companion
            )


class RevokeButton(CompanionEntity, ButtonEntity):
    """Revokes every certificate of a device, at once."""

    @override
    async def async_press(self) -> None:
        assert self.companion
        with raise_translated():
            await self.coordinator.config_entry.runtime_data.certificates.async_revoke_all(
                self.companion
            )
