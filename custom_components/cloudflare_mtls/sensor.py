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

from .coordinator import Certificate, CloudflareConfigEntry, TunnelState
from .devices import async_track
from .edge.models import TunnelStatus
from .entity import CertificateEntity, TunnelEntity

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class TunnelSensorEntityDescription(SensorEntityDescription):
    """Describes a sensor of a tunnel."""

    value_fn: Callable[[TunnelState], StateType | datetime]


@dataclass(frozen=True, kw_only=True)
class CertificateSensorEntityDescription(SensorEntityDescription):
    """Describes a sensor of a certificate."""

    value_fn: Callable[[Certificate], datetime]


def _version(state: TunnelState) -> str | None:
    """Return the version that all connectors run, or the oldest of several."""
    versions = {item.version for item in state.connectors if item.version}
    return min(versions, key=_version_key, default=None)


def _version_key(version: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in version.split(".")]


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
        key="connected_since",
        translation_key="connected_since",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda state: state.tunnel.connected_since,
    ),
)

CERTIFICATE_SENSORS: tuple[CertificateSensorEntityDescription, ...] = (
    CertificateSensorEntityDescription(
        key="certificate_expiry",
        translation_key="certificate_expiry",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda certificate: certificate.facts.expires_on,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors, and those of what appears later."""
    tunnels, edge = entry.runtime_data.tunnels, entry.runtime_data.edge

    @callback
    def add_tunnels(tunnel_ids: set[str]) -> None:
        states = tunnels.data or {}
        async_add_entities(
            TunnelSensor(tunnels, description, states[tunnel_id])
            for tunnel_id in tunnel_ids
            for description in TUNNEL_SENSORS
        )

    @callback
    def add_certificates(certificate_ids: set[str]) -> None:
        async_add_entities(
            CertificateSensor(edge, description, edge.data.companions[certificate_id])
            for certificate_id in certificate_ids
            for description in CERTIFICATE_SENSORS
        )

    async_track(entry, tunnels, lambda: tunnels.data or {}, add_tunnels)
    async_track(entry, edge, lambda: edge.data.companions, add_certificates)


class TunnelSensor(TunnelEntity, SensorEntity):
    """A sensor of a tunnel."""

    entity_description: TunnelSensorEntityDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        state = self.state_of_tunnel
        return self.entity_description.value_fn(state) if state else None


class CertificateSensor(CertificateEntity, SensorEntity):
    """A sensor of a certificate."""

    entity_description: CertificateSensorEntityDescription

    @property
    @override
    def native_value(self) -> datetime | None:
        certificate = self.certificate
        return self.entity_description.value_fn(certificate) if certificate else None
