"""Binary sensors for Cloudflare mTLS."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator.tunnels import TunnelState
from .engine.api.models import TunnelStatus
from .engine.certificates.companions import CompanionState
from .engine.certificates.lifecycle import Standing
from .engine.probe import Enforcement
from .engine.sync.plan import Plan
from .entity import CompanionEntity, HostnameEntity, TunnelEntity, VisitEntity
from .runtime_data import CloudflareConfigEntry
from .stale_devices import async_track
from .subentries import companions_of, hostnames_of

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class TunnelBinarySensorEntityDescription(BinarySensorEntityDescription):
    """Describes a binary sensor of a tunnel."""

    is_on_fn: Callable[[TunnelState], bool | None]


@dataclass(frozen=True, kw_only=True)
class HostnameBinarySensorEntityDescription(BinarySensorEntityDescription):
    """Describes a binary sensor of a protected hostname."""

    is_on_fn: Callable[[Plan, str], bool]


@dataclass(frozen=True, kw_only=True)
class VisitBinarySensorEntityDescription(BinarySensorEntityDescription):
    """Describes a binary sensor of what visitors of a protected hostname meet."""

    is_on_fn: Callable[[Enforcement], bool | None]


@dataclass(frozen=True, kw_only=True)
class CompanionBinarySensorEntityDescription(BinarySensorEntityDescription):
    """Describes a binary sensor of a companion device."""

    is_on_fn: Callable[[CompanionState], bool | None]


def _connected(state: TunnelState) -> bool | None:
    match state.tunnel.status:
        case None:
            return None
        case TunnelStatus.HEALTHY | TunnelStatus.DEGRADED:
            return True
        case TunnelStatus.DOWN | TunnelStatus.INACTIVE:
            return False


TUNNEL_BINARY_SENSORS: tuple[TunnelBinarySensorEntityDescription, ...] = (
    TunnelBinarySensorEntityDescription(
        key="connected",
        translation_key="connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        is_on_fn=_connected,
    ),
)

HOSTNAME_BINARY_SENSORS: tuple[HostnameBinarySensorEntityDescription, ...] = (
    HostnameBinarySensorEntityDescription(
        key="drift",
        translation_key="drift",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda plan, hostname: plan.drifted(hostname),
    ),
)

VISIT_BINARY_SENSORS: tuple[VisitBinarySensorEntityDescription, ...] = (
    VisitBinarySensorEntityDescription(
        key="enforced",
        translation_key="enforced",
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda enforcement: enforcement.enforced,
    ),
)

COMPANION_BINARY_SENSORS: tuple[CompanionBinarySensorEntityDescription, ...] = (
    CompanionBinarySensorEntityDescription(
        key="certificate_problem",
        translation_key="certificate_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        is_on_fn=lambda companion: (
            companion.standing is not Standing.ACTIVE if companion.standing else None
        ),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors, and those of what appears later."""
    tunnels, protection = entry.runtime_data.tunnels, entry.runtime_data.protection
    visits = entry.runtime_data.visits

    @callback
    def add_tunnels(tunnel_ids: set[str]) -> None:
        states = tunnels.data or {}
        async_add_entities(
            TunnelBinarySensor(tunnels, description, states[tunnel_id])
            for tunnel_id in tunnel_ids
            for description in TUNNEL_BINARY_SENSORS
        )

    async_track(entry, tunnels, lambda: tunnels.data, add_tunnels)

    for subentry_id, settings in hostnames_of(entry.subentries).items():
        async_add_entities(
            (
                HostnameBinarySensor(protection, description, settings, subentry_id)
                for description in HOSTNAME_BINARY_SENSORS
            ),
            config_subentry_id=subentry_id,
        )
        async_add_entities(
            (
                VisitBinarySensor(visits, description, settings, subentry_id)
                for description in VISIT_BINARY_SENSORS
            ),
            config_subentry_id=subentry_id,
        )

    for subentry_id, device in companions_of(entry.subentries).items():
        async_add_entities(
            (
                CompanionBinarySensor(protection, description, device, subentry_id)
                for description in COMPANION_BINARY_SENSORS
            ),
            config_subentry_id=subentry_id,
        )


class TunnelBinarySensor(TunnelEntity, BinarySensorEntity):
    """A binary sensor of a tunnel."""

    entity_description: TunnelBinarySensorEntityDescription

    @property
    @override
    def is_on(self) -> bool | None:
        state = self.state_of_tunnel
        return self.entity_description.is_on_fn(state) if state else None


class HostnameBinarySensor(HostnameEntity, BinarySensorEntity):
    """A binary sensor of a protected hostname."""

    entity_description: HostnameBinarySensorEntityDescription

    @property
    @override
    def is_on(self) -> bool | None:
        plan, hostname = self.plan, self._settings.hostname
        return self.entity_description.is_on_fn(plan, hostname) if plan else None


class VisitBinarySensor(VisitEntity, BinarySensorEntity):
    """A binary sensor of what visitors of a protected hostname meet."""

    entity_description: VisitBinarySensorEntityDescription

    @property
    @override
    def is_on(self) -> bool | None:
        enforcement = self.enforcement
        return self.entity_description.is_on_fn(enforcement) if enforcement else None


class CompanionBinarySensor(CompanionEntity, BinarySensorEntity):
    """A binary sensor of a companion device."""

    entity_description: CompanionBinarySensorEntityDescription

    @property
    @override
    def is_on(self) -> bool | None:
        companion = self.companion
        return self.entity_description.is_on_fn(companion) if companion else None
