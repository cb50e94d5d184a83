"""Binary sensors for Cloudflare mTLS."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator.tunnels import TunnelState
from .engine.certificates.companions import CompanionState
from .engine.certificates.lifecycle import Standing
from .entity import (
    CompanionEntity,
    HostnameEntity,
    HostnameEntityDescription,
    HostnameState,
    LoginEntity,
    LoginEntityDescription,
    LoginHostnameState,
    TunnelEntity,
)
from .entity_adder import EntityAdder
from .runtime_data import CloudflareConfigEntry
from .subentries import hostname_of

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class TunnelBinarySensorEntityDescription(BinarySensorEntityDescription):
    """Describes a binary sensor of a tunnel."""

    is_on_fn: Callable[[TunnelState], bool | None]


@dataclass(frozen=True, kw_only=True)
class HostnameBinarySensorEntityDescription(
    HostnameEntityDescription, BinarySensorEntityDescription
):
    """Describes a binary sensor of a protected hostname."""

    is_on_fn: Callable[[HostnameState], bool | None]


@dataclass(frozen=True, kw_only=True)
class LoginBinarySensorEntityDescription(
    LoginEntityDescription, BinarySensorEntityDescription
):
    """Describes a binary sensor of a login hostname."""

    is_on_fn: Callable[[LoginHostnameState], bool | None]


@dataclass(frozen=True, kw_only=True)
class CompanionBinarySensorEntityDescription(BinarySensorEntityDescription):
    """Describes a binary sensor of a companion device."""

    is_on_fn: Callable[[CompanionState], bool | None]


def _has_problem(companion: CompanionState) -> bool | None:
    """Return whether a device needs a person; one that somebody revoked does not."""
    if companion.standing is None:
        return None
    return companion.standing is not Standing.ACTIVE and not companion.is_revoked


TUNNEL_BINARY_SENSORS: tuple[TunnelBinarySensorEntityDescription, ...] = (
    TunnelBinarySensorEntityDescription(
        key="connected",
        translation_key="connected",
        device_class=BinarySensorDeviceClass.CONNECTIVITY,
        is_on_fn=lambda state: state.connected,
    ),
)

_REACHES: Final = "reaches_home_assistant"

HOSTNAME_BINARY_SENSORS: tuple[HostnameBinarySensorEntityDescription, ...] = (
    HostnameBinarySensorEntityDescription(
        key="drift",
        translation_key="drift",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda hostname: hostname.drifted,
    ),
    HostnameBinarySensorEntityDescription(
        key="enforced",
        translation_key="enforced",
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.visits,
        available_fn=lambda _: True,
        is_on_fn=lambda hostname: hostname.enforced,
    ),
    HostnameBinarySensorEntityDescription(
        key=_REACHES,
        translation_key="reaches_home_assistant",
        entity_category=EntityCategory.DIAGNOSTIC,
        coordinator_fn=lambda data: data.visits,
        available_fn=lambda _: True,
        is_on_fn=lambda hostname: (
            hostname.arrival.is_there if hostname.arrival else None
        ),
    ),
)

LOGIN_BINARY_SENSORS: tuple[LoginBinarySensorEntityDescription, ...] = (
    LoginBinarySensorEntityDescription(
        key="login_required",
        translation_key="login_required",
        available_fn=lambda _: True,
        is_seen_fn=lambda hostname: (
            hostname.login is not None and hostname.login.login_required is False
        ),
        is_on_fn=lambda hostname: (
            hostname.login.login_required if hostname.login else None
        ),
    ),
    LoginBinarySensorEntityDescription(
        key="differs",
        translation_key="differs",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        is_on_fn=lambda hostname: hostname.login.differs if hostname.login else None,
    ),
)

COMPANION_BINARY_SENSORS: tuple[CompanionBinarySensorEntityDescription, ...] = (
    CompanionBinarySensorEntityDescription(
        key="certificate_problem",
        translation_key="certificate_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        is_on_fn=_has_problem,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the binary sensors, and those of what appears later."""
    adder = EntityAdder(hass, entry, async_add_entities)
    adder.async_add_tunnels(TunnelBinarySensor, TUNNEL_BINARY_SENSORS)
    adder.async_add_hostnames(HostnameBinarySensor, HOSTNAME_BINARY_SENSORS)
    adder.async_add_logins(LoginBinarySensor, LOGIN_BINARY_SENSORS)
    adder.async_add_companions(CompanionBinarySensor, COMPANION_BINARY_SENSORS)


class TunnelBinarySensor(TunnelEntity, BinarySensorEntity):
    """A binary sensor of a tunnel."""

    entity_description: TunnelBinarySensorEntityDescription

    @property
    @override
    def is_on(self) -> bool | None:
        tunnel = self.tunnel
        return self.entity_description.is_on_fn(tunnel) if tunnel else None


class HostnameBinarySensor(HostnameEntity, BinarySensorEntity):
    """A binary sensor of a protected hostname."""

    entity_description: HostnameBinarySensorEntityDescription

    def __init__(
        self,
        entry: CloudflareConfigEntry,
        description: HostnameBinarySensorEntityDescription,
        subentry_id: str,
    ) -> None:
        """Initialize the entity, and call it by what the hostname is for."""
        settings = hostname_of(entry.subentries[subentry_id])
        if description.key == _REACHES and not settings.protected.is_home:
            description = replace(description, translation_key="reaches_service")
        super().__init__(entry, description, subentry_id)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        # The rules, and the checks that see who is let past them, show what no visit from here does.
        data = self._entry.runtime_data
        self.async_also_follow(data.protection, data.checks)

    @property
    @override
    def is_on(self) -> bool | None:
        hostname = self.hostname
        return self.entity_description.is_on_fn(hostname) if hostname else None


class LoginBinarySensor(LoginEntity, BinarySensorEntity):
    """A binary sensor of a login hostname."""

    entity_description: LoginBinarySensorEntityDescription

    @property
    @override
    def is_on(self) -> bool | None:
        hostname = self.hostname
        return self.entity_description.is_on_fn(hostname) if hostname else None


class CompanionBinarySensor(CompanionEntity, BinarySensorEntity):
    """A binary sensor of a companion device."""

    entity_description: CompanionBinarySensorEntityDescription

    @property
    @override
    def is_on(self) -> bool | None:
        companion = self.companion
        return self.entity_description.is_on_fn(companion) if companion else None
