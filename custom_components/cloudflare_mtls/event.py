"""Events for Cloudflare mTLS."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import (
    ATTR_CONFIG_ENTRY_ID,
    ATTR_DEVICE_ID,
    CONF_TYPE,
    EntityCategory,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bus_events import (
    ATTR_CERTIFICATE_ID,
    SIGNAL_LOGIN,
    CertificateEvent,
    LoginEvent,
    async_listen_to_ours,
)
from .const import CONF_HOSTNAME, EVENT_CERTIFICATE, EVENT_FIXED
from .engine.access.logins import Login
from .entity import (
    AccountEntity,
    AccountEntityDescription,
    CompanionEntity,
    HostnameEntity,
    HostnameEntityDescription,
    LoginEntity,
    LoginEntityDescription,
)
from .entity_adder import EntityAdder
from .login_attributes import PERSONAL, describe_login
from .runtime_data import CloudflareConfigEntry

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class AccountEventEntityDescription(AccountEntityDescription, EventEntityDescription):
    """Describes an event of the account."""


@dataclass(frozen=True, kw_only=True)
class HostnameEventEntityDescription(HostnameEntityDescription, EventEntityDescription):
    """Describes an event of a protected hostname."""


@dataclass(frozen=True, kw_only=True)
class LoginEventEntityDescription(LoginEntityDescription, EventEntityDescription):
    """Describes an event of a login hostname."""


ACCOUNT_EVENTS: tuple[AccountEventEntityDescription, ...] = (
    AccountEventEntityDescription(
        key="certificate",
        translation_key="certificate",
        event_types=[event.value for event in CertificateEvent],
    ),
)

HOSTNAME_EVENTS: tuple[HostnameEventEntityDescription, ...] = (
    HostnameEventEntityDescription(
        key="fixed",
        translation_key="fixed",
        entity_category=EntityCategory.DIAGNOSTIC,
        event_types=["fixed"],
    ),
)

LOGIN_EVENTS: tuple[LoginEventEntityDescription, ...] = (
    LoginEventEntityDescription(
        key="login",
        translation_key="login",
        coordinator_fn=lambda data: data.login_log,
        available_fn=lambda hostname: hostname.history is not None,
        event_types=[event.value for event in LoginEvent],
    ),
)

COMPANION_EVENTS: tuple[EventEntityDescription, ...] = (
    EventEntityDescription(
        key="certificate",
        translation_key="certificate",
        event_types=[event.value for event in CertificateEvent],
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the events, and those of what appears later."""
    adder = EntityAdder(hass, entry, async_add_entities)
    adder.async_add_account(AccountEvent, ACCOUNT_EVENTS)
    adder.async_add_hostnames(HostnameEvent, HOSTNAME_EVENTS)
    adder.async_add_logins(LoginEventEntity, LOGIN_EVENTS)
    adder.async_add_companions(CompanionEvent, COMPANION_EVENTS)


class CertificateEventEntity(EventEntity):
    """Says what happened to those certificates that concern its device."""

    @abstractmethod
    def concerns(self, details: Mapping[str, Any]) -> bool:
        """Return whether a certificate concerns the device, by the details of what happened."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(
            async_listen_to_ours(self.hass, EVENT_CERTIFICATE, self._async_happened)
        )

    @callback
    def _async_happened(self, event: Event[dict[str, Any]]) -> None:
        if not self.concerns(event.data):
            return
        details = dict(event.data)
        # Every user reads states; only administrators are to know certificates by their ids.
        del details[ATTR_CERTIFICATE_ID], details[ATTR_CONFIG_ENTRY_ID]
        self._trigger_event(details.pop(CONF_TYPE), details)
        self.async_write_ha_state()


class AccountEvent(AccountEntity, CertificateEventEntity):
    """Says what happened to any certificate of the account."""

    @override
    def concerns(self, details: Mapping[str, Any]) -> bool:
        return bool(details[ATTR_CONFIG_ENTRY_ID] == self._entry.entry_id)


class CompanionEvent(CompanionEntity, CertificateEventEntity):
    """Says what happened to the certificates of a companion device."""

    @override
    def concerns(self, details: Mapping[str, Any]) -> bool:
        device = self.device_entry
        return device is not None and details[ATTR_DEVICE_ID] == device.id


class HostnameEvent(HostnameEntity, EventEntity):
    """Says what somebody changed at Cloudflare, and was fixed."""

    entity_description: HostnameEventEntityDescription

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(
            async_listen_to_ours(self.hass, EVENT_FIXED, self._async_fixed)
        )

    @callback
    def _async_fixed(self, event: Event[dict[str, Any]]) -> None:
        hostname = self.hostname
        if hostname and event.data[CONF_HOSTNAME] == hostname.settings.hostname:
            # Details hold rules, and so exempt paths: every user reads states.
            steps = [
                {key: value for key, value in step.items() if key != "detail"}
                for step in event.data["steps"]
            ]
            self._trigger_event("fixed", {"steps": steps})
            self.async_write_ha_state()


class LoginEventEntity(LoginEntity, EventEntity):
    """Says who logged in at a login hostname, and who was refused."""

    _unrecorded_attributes = PERSONAL
    entity_description: LoginEventEntityDescription

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(
                self.hass,
                SIGNAL_LOGIN.format(self._entry.entry_id),
                self._async_logged_in,
            )
        )

    @callback
    def _async_logged_in(self, hostname: str, login: Login) -> None:
        own = self.hostname
        if own and own.settings.hostname == hostname:
            self._trigger_event(LoginEvent.of(login), describe_login(login))
            self.async_write_ha_state()
