"""Base entities for Cloudflare mTLS."""

from typing import Any, override

from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import CONF_ACCOUNT_ID, DOMAIN, MANUFACTURER
from .coordinator.base import CloudflareCoordinator
from .coordinator.protection import ProtectionCoordinator
from .coordinator.tunnels import TunnelCoordinator, TunnelState
from .coordinator.visits import VisitCoordinator
from .engine.certificates.companions import CompanionDevice, CompanionState
from .engine.probe import Enforcement
from .engine.sync.plan import Plan
from .engine.sync.settings import HostnameSettings

type AnyCoordinator = CloudflareCoordinator[Any] | VisitCoordinator


class CloudflareEntity[CoordinatorT: AnyCoordinator](CoordinatorEntity[CoordinatorT]):
    """An entity of a device that belongs to the account."""

    _attr_has_entity_name = True

    def __init__(
        self,
        coordinator: CoordinatorT,
        description: EntityDescription,
        unique_part: str,
        device: DeviceInfo,
    ) -> None:
        """Initialize the entity."""
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{unique_part}_{description.key}"
        self._attr_device_info = device


def _device_info(
    coordinator: AnyCoordinator, identifier: str, name: str, model: str
) -> DeviceInfo:
    entry = coordinator.config_entry
    return DeviceInfo(
        identifiers={(DOMAIN, identifier)},
        entry_type=DeviceEntryType.SERVICE,
        manufacturer=MANUFACTURER,
        model=model,
        name=name,
        via_device_id=dr.async_get_device_id_by_identifier(
            coordinator.hass,
            (DOMAIN, entry.data[CONF_ACCOUNT_ID]),
            config_entry_id=entry.entry_id,
        ),
    )


class TunnelEntity(CloudflareEntity[TunnelCoordinator]):
    """An entity of a tunnel."""

    def __init__(
        self,
        coordinator: TunnelCoordinator,
        description: EntityDescription,
        state: TunnelState,
    ) -> None:
        """Initialize the entity."""
        tunnel = state.tunnel
        model = "Tunnel" if tunnel.remotely_managed else "Locally managed tunnel"
        super().__init__(
            coordinator,
            description,
            tunnel.id,
            _device_info(coordinator, tunnel.id, tunnel.name, model),
        )
        self._tunnel_id = tunnel.id

    @property
    def state_of_tunnel(self) -> TunnelState | None:
        """Return the tunnel as it was last seen."""
        return (self.coordinator.data or {}).get(self._tunnel_id)

    @property
    @override
    def available(self) -> bool:
        return super().available and self.state_of_tunnel is not None


class ProtectedHostnameEntity[CoordinatorT: AnyCoordinator](
    CloudflareEntity[CoordinatorT]
):
    """An entity of a protected hostname."""

    def __init__(
        self,
        coordinator: CoordinatorT,
        description: EntityDescription,
        settings: HostnameSettings,
        subentry_id: str,
    ) -> None:
        """Initialize the entity."""
        super().__init__(
            coordinator,
            description,
            subentry_id,
            _device_info(
                coordinator, subentry_id, settings.hostname, "Protected hostname"
            ),
        )
        self._settings = settings
        self._subentry_id = subentry_id


class HostnameEntity(ProtectedHostnameEntity[ProtectionCoordinator]):
    """An entity of what must be done for a protected hostname."""

    @property
    def plan(self) -> Plan | None:
        """Return what must be done in the hostname's zone."""
        return self.coordinator.data.plans[self._settings.zone_id]

    @property
    @override
    def available(self) -> bool:
        return super().available and self.plan is not None


class VisitEntity(ProtectedHostnameEntity[VisitCoordinator]):
    """An entity of what visitors of a protected hostname meet."""

    @property
    def enforcement(self) -> Enforcement | None:
        """Return what they met last, where anybody could ask."""
        return self.coordinator.data.get(self._settings.hostname)


class CompanionEntity(CloudflareEntity[ProtectionCoordinator]):
    """An entity of a companion device."""

    def __init__(
        self,
        coordinator: ProtectionCoordinator,
        description: EntityDescription,
        device: CompanionDevice,
        subentry_id: str,
    ) -> None:
        """Initialize the entity."""
        super().__init__(
            coordinator,
            description,
            subentry_id,
            _device_info(coordinator, subentry_id, device.name, "Companion device"),
        )
        self._device_id = device.id

    @property
    def companion(self) -> CompanionState | None:
        """Return how the device's certificates stand, where anybody may look."""
        return (self.coordinator.data.companions or {}).get(self._device_id)

    @property
    @override
    def available(self) -> bool:
        return super().available and self.companion is not None


class AccountEntity(CloudflareEntity[ProtectionCoordinator]):
    """An entity of the account itself."""

    def __init__(
        self, coordinator: ProtectionCoordinator, description: EntityDescription
    ) -> None:
        """Initialize the entity."""
        account_id = coordinator.account_id
        device = DeviceInfo(identifiers={(DOMAIN, account_id)})
        super().__init__(coordinator, description, account_id, device)
