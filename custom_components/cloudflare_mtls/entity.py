"""Base entities for Cloudflare mTLS, one for each kind of device."""

from abc import abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, override

from homeassistant.core import callback
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.update_coordinator import (
    CoordinatorEntity,
    DataUpdateCoordinator,
)
from homeassistant.util.signal_type import SignalTypeFormat

from .const import CONF_ACCOUNT_ID, DOMAIN, MANUFACTURER
from .coordinator.access_state import LoginState
from .coordinator.protection import ProtectionCoordinator
from .coordinator.tunnels import TunnelCoordinator, TunnelState
from .device_models import DeviceModel
from .engine.access.login_history import LoginHistory
from .engine.access.settings import LoginSettings
from .engine.arrival import Arrival
from .engine.certificates.companions import CompanionState
from .engine.probe import Enforcement
from .engine.sync.settings import HostnameSettings
from .engine.tunnels.reports import ConnectorReport, RuleState, worst_rule_state
from .quoting import plain
from .runtime_data import CloudflareConfigEntry, CloudflareData
from .subentries import companion_of, hostname_of, login_hostname_of

# For each account, by its entry id: the ids of the subentries that were added or changed.
SIGNAL_SUBENTRIES = SignalTypeFormat[Collection[str]](f"{DOMAIN}_subentries_{{}}")


@dataclass(frozen=True, kw_only=True)
class HostnameState:
    """A protected hostname: what a person chose, and what is known; None where nothing is.

    drifted: whether Cloudflare's settings differ from what a person chose.
    exposed: whether the rules let somebody in who must not.
    stranger_came: whether somebody without a valid certificate was seen to come through lately.
    allows_some: whether some visitors are let past all rules.
    """

    settings: HostnameSettings
    drifted: bool | None
    exposed: bool | None
    enforcement: Enforcement | None
    stranger_came: bool
    allows_some: bool | None
    blocked_requests: int | None
    arrival: Arrival | None
    reports: tuple[ConnectorReport, ...]

    @property
    def published(self) -> bool | None:
        """Return whether anybody gets in: somebody else may have opened it again."""
        if self.settings.protected.published or self.opened:
            return True
        return None if self.allows_some is None else False

    @property
    def is_opened_while_off(self) -> bool:
        """Return whether somebody gets in although a person turned the hostname off."""
        return not self.settings.protected.published and self.opened

    @property
    def opened(self) -> bool:
        """Return whether somebody gets in who must not, as far as is known."""
        return bool(self.exposed or self.allows_some)

    @property
    def rule_state(self) -> RuleState | None:
        """Return what becomes of requests at the worst connector, worked out only where it is shown."""
        return worst_rule_state(self.reports, self.settings.hostname)

    @property
    def enforced(self) -> bool | None:
        """Return whether visitors without a certificate are blocked.

        A visit only shows what happens to visitors from here: while nobody has seen the rules
        lately, and whom Cloudflare lets past them, it shows no more than that somebody gets in.
        """
        if self.opened or self.stranger_came:
            return False
        met = self.enforcement.enforced if self.enforcement else None
        return None if met and None in (self.exposed, self.allows_some) else met


def hostname_state(data: CloudflareData, settings: HostnameSettings) -> HostnameState:
    """Return what is known of a protected hostname."""
    plan = data.protection.data.plan_of(settings)
    return HostnameState(
        settings=settings,
        drifted=plan.drifted(settings.hostname) if plan else None,
        exposed=data.protection.exposes(settings),
        enforcement=data.visits.data.get(settings.hostname),
        stranger_came=data.visits.stranger_at(settings.hostname) is not None,
        allows_some=data.checks.allows_some(settings),
        arrival=data.visits.arrival_at(settings.hostname),
        blocked_requests=data.blocked.data.get(settings.hostname),
        reports=data.reports.of_tunnel(settings.protected.tunnel_id),
    )


@dataclass(frozen=True, kw_only=True)
class LoginHostnameState:
    """A login hostname: what a person chose, and what is known; None where nothing is.

    application_id: of the application that asked for the login when it was seen last.
    """

    settings: LoginSettings
    login: LoginState | None
    history: LoginHistory | None
    application_id: str | None


@dataclass(frozen=True, kw_only=True)
class AccountEntityDescription(EntityDescription):
    """Describes an entity of the account, and which coordinator knows its state."""

    coordinator_fn: Callable[[CloudflareData], DataUpdateCoordinator[Any]] = (
        lambda data: data.protection
    )


@dataclass(frozen=True, kw_only=True)
class HostnameEntityDescription(EntityDescription):
    """Describes an entity of a protected hostname: who watches it, and when it is available."""

    coordinator_fn: Callable[[CloudflareData], DataUpdateCoordinator[Any]] = (
        lambda data: data.protection
    )
    available_fn: Callable[[HostnameState], bool] = lambda hostname: (
        hostname.drifted is not None
    )


@dataclass(frozen=True, kw_only=True)
class LoginEntityDescription(EntityDescription):
    """Describes an entity of a login hostname: who watches it, and when it is available.

    is_seen_fn: whether a visit shows its state, also while Cloudflare cannot be read.
    """

    coordinator_fn: Callable[[CloudflareData], DataUpdateCoordinator[Any]] = (
        lambda data: data.access
    )
    available_fn: Callable[[LoginHostnameState], bool] = lambda hostname: (
        hostname.login is not None and hostname.login.plan is not None
    )
    is_seen_fn: Callable[[LoginHostnameState], bool] = lambda _: False


class CloudflareEntity[CoordinatorT: DataUpdateCoordinator[Any]](
    CoordinatorEntity[CoordinatorT]
):
    """An entity of a device that belongs to the account."""

    _attr_has_entity_name = True

    def __init__(
        self,
        entry: CloudflareConfigEntry,
        coordinator: CoordinatorT,
        description: EntityDescription,
        identifier: str,
        device: DeviceInfo,
    ) -> None:
        """Initialize the entity."""
        super().__init__(coordinator)
        self._entry = entry
        self.entity_description = description
        self._attr_unique_id = f"{identifier}_{description.key}"
        self._attr_device_info = device

    @callback
    def async_also_follow(self, *coordinators: DataUpdateCoordinator[Any]) -> None:
        """Be updated by other coordinators, too."""
        for coordinator in coordinators:
            if coordinator is not self.coordinator:
                self.async_on_remove(
                    coordinator.async_add_listener(self._handle_coordinator_update)
                )

    @property
    @override
    def suggested_object_id(self) -> str:
        """Return how the entity id ends: the same in every language, whatever the name is."""
        return self.entity_description.key

    async def async_require_administrator(self) -> None:
        """Raise Unauthorized for a user who is no administrator; automations have no user.

        To be called first: Home Assistant sets the context right before it calls an entity.
        """
        context = self._context
        if context is None or context.user_id is None:
            return
        user = await self.hass.auth.async_get_user(context.user_id)
        if user is None or not user.is_admin:
            raise Unauthorized(context=context, entity_id=self.entity_id)


class AccountEntity(CloudflareEntity[DataUpdateCoordinator[Any]]):
    """An entity of the account itself."""

    def __init__(
        self, entry: CloudflareConfigEntry, description: AccountEntityDescription
    ) -> None:
        """Initialize the entity."""
        account_id = entry.data[CONF_ACCOUNT_ID]
        device = DeviceInfo(identifiers={(DOMAIN, account_id)})
        coordinator = description.coordinator_fn(entry.runtime_data)
        super().__init__(entry, coordinator, description, account_id, device)


class ItemEntity[CoordinatorT: DataUpdateCoordinator[Any], StateT](
    CloudflareEntity[CoordinatorT]
):
    """An entity of one of the tunnels, hostnames and companion devices: there may be hundreds.

    A refresh that changes one of them writes only the states that show it.
    """

    _written: object = None
    _seen: StateT | None = None

    @abstractmethod
    def _look(self) -> StateT | None:
        """Return everything that the state is made of, or None where it is not known."""

    @property
    def _item(self) -> StateT | None:
        return self._seen or self._look()

    @property
    def _shown(self) -> object:
        return super().available, self._item

    @override
    @callback
    def _handle_coordinator_update(self) -> None:
        # What follows asks for it several times, and nothing changes meanwhile.
        self._seen = self._look()
        try:
            if self._shown != self._written:
                super()._handle_coordinator_update()
        finally:
            self._seen = None

    @override
    @callback
    def _async_write_ha_state(self) -> None:
        super()._async_write_ha_state()
        self._written = self._shown


class TunnelEntity(ItemEntity[TunnelCoordinator, TunnelState]):
    """An entity of a tunnel."""

    def __init__(
        self,
        entry: CloudflareConfigEntry,
        description: EntityDescription,
        tunnel_id: str,
    ) -> None:
        """Initialize the entity."""
        coordinator = entry.runtime_data.tunnels
        assert coordinator.data
        tunnel = coordinator.data[tunnel_id].tunnel
        model = (
            DeviceModel.TUNNEL if tunnel.remotely_managed else DeviceModel.LOCAL_TUNNEL
        )
        device = _device_info(entry, tunnel_id, plain(tunnel.name), model)
        super().__init__(entry, coordinator, description, tunnel_id, device)
        self._tunnel_id = tunnel_id

    @property
    def tunnel(self) -> TunnelState | None:
        """Return the tunnel as it was last seen, or None where the token may not look."""
        return self._item

    @override
    def _look(self) -> TunnelState | None:
        state = (self.coordinator.data or {}).get(self._tunnel_id)
        reports = self._entry.runtime_data.reports.of_tunnel(self._tunnel_id)
        return state.corrected_by(reports) if state else None

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_also_follow(self._entry.runtime_data.reports)

    @property
    @override
    def available(self) -> bool:
        return super().available and self.tunnel is not None


class HostnameEntity(ItemEntity[DataUpdateCoordinator[Any], HostnameState]):
    """An entity of a protected hostname."""

    entity_description: HostnameEntityDescription

    def __init__(
        self,
        entry: CloudflareConfigEntry,
        description: HostnameEntityDescription,
        subentry_id: str,
    ) -> None:
        """Initialize the entity."""
        coordinator = description.coordinator_fn(entry.runtime_data)
        subentry = entry.subentries[subentry_id]
        device = _device_info(
            entry, subentry_id, subentry.title, DeviceModel.PROTECTED_HOSTNAME
        )
        super().__init__(entry, coordinator, description, subentry_id, device)
        # A coordinator may ask for those hostnames only that an enabled entity shows.
        self.coordinator_context = hostname_of(subentry).hostname
        self._subentry_id = subentry_id

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(
                self.hass,
                SIGNAL_SUBENTRIES.format(self._entry.entry_id),
                self._async_show_settings,
            )
        )

    @callback
    def _async_show_settings(self, subentry_ids: Collection[str]) -> None:
        """Show what a person chose, before Cloudflare is asked again."""
        if self._subentry_id in subentry_ids:
            self.async_write_ha_state()

    @property
    def hostname(self) -> HostnameState | None:
        """Return what is known of the hostname, or None once it is removed."""
        return self._item

    @override
    def _look(self) -> HostnameState | None:
        subentry = self._entry.subentries.get(self._subentry_id)
        if subentry is None:
            return None
        return hostname_state(self._entry.runtime_data, hostname_of(subentry))

    @property
    @override
    def available(self) -> bool:
        hostname = self.hostname
        return (
            super().available
            and hostname is not None
            and self.entity_description.available_fn(hostname)
        )


class LoginEntity(ItemEntity[DataUpdateCoordinator[Any], LoginHostnameState]):
    """An entity of a login hostname."""

    entity_description: LoginEntityDescription

    def __init__(
        self,
        entry: CloudflareConfigEntry,
        description: LoginEntityDescription,
        subentry_id: str,
    ) -> None:
        """Initialize the entity."""
        coordinator = description.coordinator_fn(entry.runtime_data)
        subentry = entry.subentries[subentry_id]
        device = _device_info(
            entry, subentry_id, subentry.title, DeviceModel.LOGIN_HOSTNAME
        )
        super().__init__(entry, coordinator, description, subentry_id, device)
        self._subentry_id = subentry_id

    @property
    def hostname(self) -> LoginHostnameState | None:
        """Return what is known of the hostname, or None once it is removed."""
        return self._item

    @override
    def _look(self) -> LoginHostnameState | None:
        subentry = self._entry.subentries.get(self._subentry_id)
        if subentry is None:
            return None
        settings, data = login_hostname_of(subentry), self._entry.runtime_data
        return LoginHostnameState(
            settings=settings,
            login=data.access.data.logins.get(settings.hostname),
            history=(data.login_log.data or {}).get(settings.hostname),
            application_id=data.access.application_of(settings),
        )

    @property
    @override
    def available(self) -> bool:
        hostname, description = self.hostname, self.entity_description
        return hostname is not None and (
            description.is_seen_fn(hostname)
            or (super().available and description.available_fn(hostname))
        )


class CompanionEntity(ItemEntity[ProtectionCoordinator, CompanionState]):
    """An entity of a companion device."""

    def __init__(
        self,
        entry: CloudflareConfigEntry,
        description: EntityDescription,
        subentry_id: str,
    ) -> None:
        """Initialize the entity."""
        subentry = entry.subentries[subentry_id]
        device = _device_info(
            entry, subentry_id, subentry.title, DeviceModel.COMPANION_DEVICE
        )
        coordinator = entry.runtime_data.protection
        super().__init__(entry, coordinator, description, subentry_id, device)
        self._subentry_id = subentry_id
        self._device_id = companion_of(subentry).id

    @property
    def companion(self) -> CompanionState | None:
        """Return how the device's certificates stand, or None where the token may not look."""
        return self._item

    @override
    def _look(self) -> CompanionState | None:
        return (self.coordinator.data.companions or {}).get(self._device_id)

    @property
    @override
    def available(self) -> bool:
        return super().available and self.companion is not None


def _device_info(
    entry: CloudflareConfigEntry, identifier: str, name: str, model: DeviceModel
) -> DeviceInfo:
    data = entry.runtime_data
    return DeviceInfo(
        identifiers={(DOMAIN, identifier)},
        entry_type=DeviceEntryType.SERVICE,
        manufacturer=MANUFACTURER,
        model=data.models[model],
        name=name,
        via_device_id=dr.async_get_device_id_by_identifier(
            data.protection.hass,
            (DOMAIN, entry.data[CONF_ACCOUNT_ID]),
            config_entry_id=entry.entry_id,
        ),
    )
