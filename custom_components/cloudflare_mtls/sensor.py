"""Sensors for Cloudflare mTLS."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .certificates.use_watch import SIGNAL_USED
from .coordinator.tunnels import TunnelState
from .engine.access.login_history import LoginHistory
from .engine.api.models import Connector, TunnelStatus
from .engine.certificates.companions import CompanionState, HandoverState
from .engine.certificates.lifecycle import Standing
from .engine.certificates.uses import CertificateInUse, DeviceUse
from .engine.tunnels.reports import RuleState
from .entity import (
    AccountEntity,
    AccountEntityDescription,
    CompanionEntity,
    HostnameEntity,
    HostnameEntityDescription,
    HostnameState,
    LoginEntity,
    LoginEntityDescription,
    TunnelEntity,
)
from .entity_adder import EntityAdder
from .login_attributes import PERSONAL, describe_login
from .quoting import plain
from .runtime_data import CloudflareConfigEntry, CloudflareData

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AccountSensorEntityDescription(AccountEntityDescription, SensorEntityDescription):
    """Describes a sensor of the account; it is not added where it does not exist."""

    exists_fn: Callable[[CloudflareData], bool] = lambda _: True
    available_fn: Callable[[CloudflareData], bool] = lambda _: True
    value_fn: Callable[[CloudflareData], StateType | datetime]


@dataclass(frozen=True, kw_only=True)
class TunnelSensorEntityDescription(SensorEntityDescription):
    """Describes a sensor of a tunnel."""

    value_fn: Callable[[TunnelState], StateType | datetime]


@dataclass(frozen=True, kw_only=True)
class ConnectorSensorEntityDescription(SensorEntityDescription):
    """Describes a sensor of what runs a tunnel."""

    value_fn: Callable[[Collection[Connector]], StateType]


@dataclass(frozen=True, kw_only=True)
class HostnameSensorEntityDescription(
    HostnameEntityDescription, SensorEntityDescription
):
    """Describes a sensor of a protected hostname."""

    value_fn: Callable[[HostnameState], StateType]


@dataclass(frozen=True, kw_only=True)
class LoginSensorEntityDescription(LoginEntityDescription, SensorEntityDescription):
    """Describes a sensor of a login hostname."""

    value_fn: Callable[[LoginHistory], StateType | datetime]
    attributes_fn: Callable[[LoginHistory], Mapping[str, str]] = lambda _: {}


@dataclass(frozen=True, kw_only=True)
class CompanionSensorEntityDescription(SensorEntityDescription):
    """Describes a sensor of a companion device."""

    value_fn: Callable[[CompanionState], StateType | datetime]


@dataclass(frozen=True, kw_only=True)
class UseSensorEntityDescription(SensorEntityDescription):
    """Describes a sensor of how a companion device uses its certificates."""

    value_fn: Callable[[DeviceUse, CompanionState | None], StateType | datetime]


def _version(connectors: Collection[Connector]) -> str | None:
    """Return the version that all connectors run, or the oldest of several."""
    versions = {item.version for item in connectors if item.version}
    version = min(versions, key=_version_key, default=None)
    return plain(version) if version else None


def _version_key(version: str) -> list[int]:
    return [int(part) if part.isdecimal() else 0 for part in plain(version).split(".")]


def _locations(connectors: Collection[Connector]) -> str | None:
    """Return Cloudflare's locations that the tunnel is connected to."""
    locations = {place for item in connectors for place in item.locations}
    return plain(", ".join(sorted(locations))) if locations else None


def _days_left(companion: CompanionState) -> int | None:
    """Return how many days the device still gets in; not known of one that is kept out."""
    if companion.days_left is None or companion.is_revoked:
        return None
    return max(companion.days_left, 0)


ACCOUNT_SENSORS: tuple[AccountSensorEntityDescription, ...] = (
    AccountSensorEntityDescription(
        key="next_certificate_expiry",
        translation_key="next_certificate_expiry",
        device_class=SensorDeviceClass.TIMESTAMP,
        available_fn=lambda data: data.protection.data.certificates is not None,
        value_fn=lambda data: data.protection.data.next_expiry,
    ),
    AccountSensorEntityDescription(
        key="token_expiry",
        translation_key="token_expiry",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.token,
        # A token that never expires has no date to show.
        exists_fn=lambda data: data.token.data is not None,
        value_fn=lambda data: data.token.data,
    ),
)

ACCOUNT_LOGIN_SENSORS: tuple[AccountSensorEntityDescription, ...] = (
    AccountSensorEntityDescription(
        key="seats",
        translation_key="seats",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.seats,
        available_fn=lambda data: data.seats.data is not None,
        value_fn=lambda data: data.seats.data,
    ),
)

TUNNEL_SENSORS: tuple[TunnelSensorEntityDescription, ...] = (
    TunnelSensorEntityDescription(
        key="tunnel_status",
        translation_key="tunnel_status",
        device_class=SensorDeviceClass.ENUM,
        options=[status.value for status in TunnelStatus],
        value_fn=lambda state: state.tunnel.status,
    ),
    TunnelSensorEntityDescription(
        key="connected_since",
        translation_key="connected_since",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda state: state.tunnel.connected_since,
    ),
)

CONNECTOR_SENSORS: tuple[ConnectorSensorEntityDescription, ...] = (
    ConnectorSensorEntityDescription(
        key="connections",
        translation_key="connections",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda connectors: sum(item.connections for item in connectors),
    ),
    ConnectorSensorEntityDescription(
        key="connectors",
        translation_key="connectors",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=len,
    ),
    ConnectorSensorEntityDescription(
        key="cloudflared_version",
        translation_key="cloudflared_version",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=_version,
    ),
    ConnectorSensorEntityDescription(
        key="edge_locations",
        translation_key="edge_locations",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_locations,
    ),
)

HOSTNAME_SENSORS: tuple[HostnameSensorEntityDescription, ...] = (
    HostnameSensorEntityDescription(
        key="blocked_requests",
        translation_key="blocked_requests",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        # Each one that is enabled costs calls.
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.blocked,
        available_fn=lambda _: True,
        value_fn=lambda hostname: hostname.blocked_requests,
    ),
    HostnameSensorEntityDescription(
        key="ingress_rule",
        translation_key="ingress_rule",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in RuleState],
        entity_category=EntityCategory.DIAGNOSTIC,
        # Known only where a metrics server of cloudflared can be reached.
        entity_registry_enabled_default=False,
        coordinator_fn=lambda data: data.reports,
        available_fn=lambda _: True,
        value_fn=lambda hostname: hostname.rule_state,
    ),
)

LOGIN_SENSORS: tuple[LoginSensorEntityDescription, ...] = (
    LoginSensorEntityDescription(
        key="last_login",
        translation_key="last_login",
        device_class=SensorDeviceClass.TIMESTAMP,
        coordinator_fn=lambda data: data.login_log,
        available_fn=lambda hostname: hostname.history is not None,
        value_fn=lambda history: history.last.at if history.last else None,
        attributes_fn=lambda history: (
            describe_login(history.last) if history.last else {}
        ),
    ),
    LoginSensorEntityDescription(
        key="refused_logins",
        translation_key="refused_logins",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.login_log,
        available_fn=lambda hostname: hostname.history is not None,
        value_fn=lambda history: len(history.refused),
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
        key="days_left",
        translation_key="days_left",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.DAYS,
        value_fn=_days_left,
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


USE_SENSORS: tuple[UseSensorEntityDescription, ...] = (
    UseSensorEntityDescription(
        key="last_seen",
        translation_key="last_seen",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda use, _: use.last_seen,
    ),
    UseSensorEntityDescription(
        key="certificate_in_use",
        translation_key="certificate_in_use",
        device_class=SensorDeviceClass.ENUM,
        options=[certificate.value for certificate in CertificateInUse],
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda use, companion: use.certificate_in_use(companion),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors, and those of what appears later."""
    adder = EntityAdder(hass, entry, async_add_entities)
    sensors = [item for item in ACCOUNT_SENSORS if item.exists_fn(entry.runtime_data)]
    adder.async_add_account(AccountSensor, sensors)
    adder.async_add_account_with_logins(AccountSensor, ACCOUNT_LOGIN_SENSORS)
    adder.async_add_tunnels(TunnelSensor, TUNNEL_SENSORS)
    adder.async_add_tunnels(ConnectorSensor, CONNECTOR_SENSORS)
    adder.async_add_hostnames(HostnameSensor, HOSTNAME_SENSORS)
    adder.async_add_logins(LoginSensor, LOGIN_SENSORS)
    adder.async_add_companions(CompanionSensor, COMPANION_SENSORS)
    adder.async_add_companions(UseSensor, USE_SENSORS)


class AccountSensor(AccountEntity, SensorEntity):
    """A sensor of the account."""

    entity_description: AccountSensorEntityDescription

    @property
    @override
    def available(self) -> bool:
        return super().available and self.entity_description.available_fn(
            self._entry.runtime_data
        )

    @property
    @override
    def native_value(self) -> StateType | datetime:
        return self.entity_description.value_fn(self._entry.runtime_data)


class TunnelSensor(TunnelEntity, SensorEntity):
    """A sensor of a tunnel."""

    entity_description: TunnelSensorEntityDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        tunnel = self.tunnel
        return self.entity_description.value_fn(tunnel) if tunnel else None


class ConnectorSensor(TunnelEntity, SensorEntity):
    """A sensor of what runs a tunnel."""

    entity_description: ConnectorSensorEntityDescription

    @property
    @override
    def available(self) -> bool:
        return super().available and self._connectors is not None

    @property
    @override
    def native_value(self) -> StateType:
        connectors = self._connectors
        if connectors is None:
            return None
        return self.entity_description.value_fn(connectors)

    @property
    def _connectors(self) -> Collection[Connector] | None:
        return self.tunnel.connectors if self.tunnel else None


class HostnameSensor(HostnameEntity, SensorEntity):
    """A sensor of a protected hostname."""

    entity_description: HostnameSensorEntityDescription

    @property
    @override
    def native_value(self) -> StateType:
        hostname = self.hostname
        return self.entity_description.value_fn(hostname) if hostname else None


class LoginSensor(LoginEntity, SensorEntity):
    """A sensor of a login hostname."""

    _unrecorded_attributes = PERSONAL
    entity_description: LoginSensorEntityDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        history = self._history
        return self.entity_description.value_fn(history) if history else None

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, str]:
        history = self._history
        return self.entity_description.attributes_fn(history) if history else {}

    @property
    def _history(self) -> LoginHistory | None:
        return self.hostname.history if self.hostname else None


class CompanionSensor(CompanionEntity, SensorEntity):
    """A sensor of a companion device."""

    entity_description: CompanionSensorEntityDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        companion = self.companion
        return self.entity_description.value_fn(companion) if companion else None


class UseSensor(CompanionEntity, SensorEntity):
    """A sensor of how a companion device uses its certificates."""

    entity_description: UseSensorEntityDescription

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(
                self.hass,
                SIGNAL_USED.format(self._entry.entry_id),
                self._async_used,
            )
        )

    @callback
    def _async_used(self, device_id: str) -> None:
        if device_id == self._device_id:
            self.async_write_ha_state()

    @property
    @override
    def _shown(self) -> object:
        return self.available, self.native_value

    @property
    @override
    def native_value(self) -> StateType | datetime:
        use = self._entry.runtime_data.uses.of_device(self._device_id)
        return self.entity_description.value_fn(use, self.companion)
