"""Buttons for Cloudflare mTLS."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .engine.certificates.companions import CompanionState
from .engine.sync.reconciler import Extent
from .entity import (
    CompanionEntity,
    HostnameEntity,
    HostnameEntityDescription,
    HostnameState,
    LoginEntity,
    LoginEntityDescription,
    LoginHostnameState,
)
from .entity_adder import EntityAdder
from .runtime_data import CloudflareConfigEntry, CloudflareData
from .subentries import companion_of
from .wording import raise_translated

# Revoke must not wait for a Renew; writes at Cloudflare wait for each other anyway.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HostnameButtonEntityDescription(
    HostnameEntityDescription, ButtonEntityDescription
):
    """Describes a button of a protected hostname; its function raises EngineError."""

    press_fn: Callable[[CloudflareData, HostnameState], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class LoginButtonEntityDescription(LoginEntityDescription, ButtonEntityDescription):
    """Describes a button of a login hostname; its function raises EngineError."""

    press_fn: Callable[[CloudflareData, LoginHostnameState], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class CompanionButtonEntityDescription(ButtonEntityDescription):
    """Describes a button of a companion device; its function raises EngineError."""

    press_fn: Callable[[CloudflareData, CompanionState], Awaitable[None]]
    available_fn: Callable[[CompanionState], bool] = lambda _: True


async def _async_sync(data: CloudflareData, hostname: HostnameState) -> None:
    """Apply a person's settings for a hostname at Cloudflare."""
    extent = Extent(hostnames={hostname.settings.hostname})
    (await data.protection.async_fix(extent)).raise_if_stopped()


async def _async_end_sessions(
    data: CloudflareData, hostname: LoginHostnameState
) -> None:
    """End everybody's sessions at a hostname."""
    assert hostname.application_id
    await data.access.async_end_sessions(
        hostname.settings.hostname, hostname.application_id
    )


async def _async_restore(data: CloudflareData, companion: CompanionState) -> None:
    """Make the certificate of a revoked device valid again."""
    assert companion.restorable
    found = await data.certificates.async_find(companion.restorable.id)
    await data.restorer.async_restore(found)


HOSTNAME_BUTTONS: tuple[HostnameButtonEntityDescription, ...] = (
    HostnameButtonEntityDescription(
        key="sync",
        translation_key="sync",
        entity_category=EntityCategory.CONFIG,
        press_fn=_async_sync,
    ),
)

LOGIN_BUTTONS: tuple[LoginButtonEntityDescription, ...] = (
    LoginButtonEntityDescription(
        key="end_sessions",
        translation_key="end_sessions",
        entity_category=EntityCategory.CONFIG,
        available_fn=lambda hostname: hostname.application_id is not None,
        press_fn=_async_end_sessions,
    ),
)

COMPANION_BUTTONS: tuple[CompanionButtonEntityDescription, ...] = (
    CompanionButtonEntityDescription(
        key="renew",
        translation_key="renew",
        entity_category=EntityCategory.CONFIG,
        press_fn=lambda data, companion: data.creator.async_renew(companion),
    ),
    CompanionButtonEntityDescription(
        key="revoke_old",
        translation_key="revoke_old",
        entity_category=EntityCategory.CONFIG,
        press_fn=lambda data, companion: data.revoker.async_revoke_replaced(companion),
        available_fn=lambda companion: bool(companion.replaced),
    ),
    CompanionButtonEntityDescription(
        key="restore",
        translation_key="restore",
        entity_category=EntityCategory.CONFIG,
        press_fn=_async_restore,
        available_fn=lambda companion: companion.restorable is not None,
    ),
)

REVOKE_BUTTONS: tuple[ButtonEntityDescription, ...] = (
    ButtonEntityDescription(
        key="revoke", translation_key="revoke", entity_category=EntityCategory.CONFIG
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons, and those of what appears later."""
    adder = EntityAdder(hass, entry, async_add_entities)
    adder.async_add_hostnames(HostnameButton, HOSTNAME_BUTTONS)
    adder.async_add_logins(LoginButton, LOGIN_BUTTONS)
    adder.async_add_companions(CompanionButton, COMPANION_BUTTONS)
    adder.async_add_companions(RevokeButton, REVOKE_BUTTONS)


class HostnameButton(HostnameEntity, ButtonEntity):
    """A button of a protected hostname."""

    entity_description: HostnameButtonEntityDescription

    @override
    async def async_press(self) -> None:
        await self.async_require_administrator()
        assert self.hostname
        with raise_translated():
            await self.entity_description.press_fn(
                self._entry.runtime_data, self.hostname
            )


class LoginButton(LoginEntity, ButtonEntity):
    """A button of a login hostname, also while Cloudflare cannot be read."""

    entity_description: LoginButtonEntityDescription

    @property
    @override
    def available(self) -> bool:
        # What is ordered is kept; of a button that is not available, Home Assistant says nothing.
        hostname = self.hostname
        return hostname is not None and self.entity_description.available_fn(hostname)

    @override
    async def async_press(self) -> None:
        await self.async_require_administrator()
        assert self.hostname
        with raise_translated():
            await self.entity_description.press_fn(
                self._entry.runtime_data, self.hostname
            )


class CompanionButton(CompanionEntity, ButtonEntity):
    """A button of a companion device."""

    entity_description: CompanionButtonEntityDescription

    @property
    @override
    def available(self) -> bool:
        companion = self.companion
        return (
            super().available
            and companion is not None
            and self.entity_description.available_fn(companion)
        )

    @override
    async def async_press(self) -> None:
        await self.async_require_administrator()
        assert self.companion
        with raise_translated():
            await self.entity_description.press_fn(
                self._entry.runtime_data, self.companion
            )


class RevokeButton(CompanionEntity, ButtonEntity):
    """Locks a companion device out, also while Cloudflare cannot be read."""

    @property
    @override
    def available(self) -> bool:
        return self._subentry_id in self._entry.subentries

    @override
    async def async_press(self) -> None:
        await self.async_require_administrator()
        device = companion_of(self._entry.subentries[self._subentry_id])
        await self._entry.runtime_data.revoker.async_revoke_device(device)
