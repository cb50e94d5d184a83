"""Sensors for Cloudflare mTLS."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .coordinator.blocked_requests import BlockedRequestsCoordinator
from .coordinator.protection_state import ProtectionState
from .coordinator.tunnels import TunnelState
from .engine.api.models import TunnelStatus
from .engine.certificates.companions import CompanionState, HandoverState
from .engine.certificates.lifecycle import Standing
from .engine.sync.settings import HostnameSettings
from .entity import (
    AccountEntity,
    CompanionEntity,
    ProtectedHostnameEntity,
    TunnelEntity,
)
from .runtime_data import CloudflareConfigEntry
from .stale_devices import async_track
from .subentries import companions_of, hostnames_of

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class TunnelSensorEntityDescription(SensorEntityDescription):
    """Describes a sensor of a tunnel."""

    value_fn: Callable[[TunnelState], StateType | datetime]


@dataclass(frozen=True, kw_only=True)
class CompanionSensorEntityDescription(SensorEntityDescription):
    """Describes a sensor of a companion device."""

    value_fn: Callable[[CompanionState], StateType | datetime]


@dataclass(frozen=True, kw_only=True)
class AccountSensorEntityDescription(SensorEntityDescription):
    """Describes a sensor of the account."""

    value_fn: Callable[[ProtectionState], datetime | None]


def _version(state: TunnelState) -> str | None:
    """Return the version that all connectors run, or the oldest of several."""
    versions = {item.version for item in state.connectors if item.version}
    return min(versions, key=_version_key, default=None)


def _version_key(version: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in version.split(".")]


def _locations(state: TunnelState) -> str | None:
    """Return Cloudflare's locations that the tunnel is connected to."""
    locations = {place for item in state.connectors for place in item.locations}
    return ", ".join(sorted(locations)) or None


TUNNEL_SENSORS: tuple[TunnelSensorEntityDescription, ...] = (
    TunnelSensorEntityDescription(
        key="tunnel_status",
        translation_key="tunnel_status",
        device_class=SensorDeviceClass.ENUM,
        options=[status.value for status in TunnelStatus],
        value_fn=lambda state: state.tunnel.status,
    ),
    TunnelSensorEntityDescription(
        key="connections",
        translation_key="connections",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda state: sum(item.connections for item in state.connectors),
    ),
    TunnelSensorEntityDescription(
        key="connectors",
        translation_key="connectors",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda state: len(state.connectors),
    ),
    TunnelSensorEntityDescription(
        key="cloudflared_version",
        translation_key="cloudflared_version",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=_version,
    ),
    TunnelSensorEntityDescription(
        key="edge_locations",
        translation_key="edge_locations",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_locations,
    ),
    TunnelSensorEntityDescription(
        key="connected_since",
        translation_key="connected_since",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda state: state.tunnel.connected_since,
    ),
)

COMPANION_SENSORS: tuple[CompanionSensorEntityDescription, ...] = (
    CompanionSensorEntityDescription(
        key="certificate_expiry",
        translation_key="certificate_expiry",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda companion: (
            companion.current.facts.expires_on if companion.current else None
        ),
    ),
    CompanionSensorEntityDescription(
        key="certificate_status",
        translation_key="certificate_status",
        device_class=SensorDeviceClass.ENUM,
        options=[standing.value for standing in Standing],
        value_fn=lambda companion: companion.standing,
    ),
    CompanionSensorEntityDescription(
        key="handover",
        translation_key="handover",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in HandoverState],
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda companion: companion.handover,
    ),
)

ACCOUNT_SENSORS: tuple[AccountSensorEntityDescription, ...] = (
    AccountSensorEntityDescription(
        key="next_certificate_expiry",
        translation_key="next_certificate_expiry",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda state: state.next_expiry,
    ),
)

BLOCKED_REQUESTS = SensorEntityDescription(
    key="blocked_requests",
    translation_key="blocked_requests",
    state_class=SensorStateClass.MEASUREMENT,
    entity_category=EntityCategory.DIAGNOSTIC,
    # Each one that is enabled costs calls.
    entity_registry_enabled_default=False,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors, and those of what appears later."""
    tunnels, protection = entry.runtime_data.tunnels, entry.runtime_data.protection

    @callback
    def add_tunnels(tunnel_ids: set[str]) -> None:
        states = tunnels.data or {}
        async_add_entities(
            TunnelSensor(tunnels, description, states[tunnel_id])
            for tunnel_id in tunnel_ids
            for description in TUNNEL_SENSORS
        )

    async_track(entry, tunnels, lambda: tunnels.data, add_tunnels)

    async_add_entities(
        AccountSensor(protection, description) for description in ACCOUNT_SENSORS
    )
    blocked = entry.runtime_data.blocked
    for subentry_id, settings in hostnames_of(entry.subentries).items():
        async_add_entities(
            [BlockedSensor(blocked, settings, subentry_id)],
            config_subentry_id=subentry_id,
        )
    for subentry_id, device in companions_of(entry.subentries).items():
        async_add_entities(
            (
                CompanionSensor(protection, description, device, subentry_id)
                for description in COMPANION_SENSORS
            ),
            config_subentry_id=subentry_id,
        )


class TunnelSensor(TunnelEntity, SensorEntity):
    """A sensor of a tunnel."""

    entity_description: TunnelSensorEntityDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        state = self.state_of_tunnel
        return self.entity_description.value_fn(state) if state else None


class BlockedSensor(ProtectedHostnameEntity[BlockedRequestsCoordinator], SensorEntity):
    """How many requests to a protected hostname were blocked in the last 24 hours."""

    def __init__(
        self,
        coordinator: BlockedRequestsCoordinator,
        settings: HostnameSettings,
        subentry_id: str,
    ) -> None:
        """Initialize the sensor."""
        super().__init__(coordinator, BLOCKED_REQUESTS, settings, subentry_id)
        # Only what has a sensor that is enabled is asked for.
        self.coordinator_context = settings.hostname

    @property
    @override
    def native_value(self) -> int | None:
        return self.coordinator.data.get(self._settings.hostname)


class CompanionSensor(CompanionEntity, SensorEntity):
    """A sensor of a companion device."""

    entity_description: CompanionSensorEntityDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        companion = self.companion
        return self.entity_description.value_fn(companion) if companion else None


class AccountSensor(AccountEntity, SensorEntity):
    """A sensor of the account."""

    entity_description: AccountSensorEntityDescription

    @property
    @override
    def native_value(self) -> datetime | None:
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def available(self) -> bool:
        return super().available and self.coordinator.data.certificates is not None
