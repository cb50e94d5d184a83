"""Switches for Cloudflare mTLS."""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_PUBLISHED
from .cutting_off import async_ask_before_cutting_off
from .engine.api.errors import EngineError
from .engine.sync.reconciler import Extent
from .engine.sync.settings import HostnameSettings
from .entity import HostnameEntity, HostnameEntityDescription
from .entity_adder import EntityAdder
from .runtime_data import CloudflareConfigEntry
from .to_the_end import to_the_end
from .wording import Message, async_tell, raise_translated, raise_translated_error

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class HostnameSwitchEntityDescription(
    HostnameEntityDescription, SwitchEntityDescription
):
    """Describes a switch of a protected hostname."""


HOSTNAME_SWITCHES: tuple[HostnameSwitchEntityDescription, ...] = (
    HostnameSwitchEntityDescription(
        key="published",
        translation_key="published",
        entity_category=EntityCategory.CONFIG,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: CloudflareConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the switches, and those of what appears later."""
    adder = EntityAdder(hass, entry, async_add_entities)
    adder.async_add_hostnames(HostnameSwitch, HOSTNAME_SWITCHES)


class HostnameSwitch(HostnameEntity, SwitchEntity):
    """Takes a hostname off the internet, and puts it back."""

    entity_description: HostnameSwitchEntityDescription

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        # The checks see who is let past the rules; visits go on while nothing can be read, and what
        # was read before then says nothing any more.
        data = self._entry.runtime_data
        self.async_also_follow(data.checks, data.visits)

    @property
    @override
    def available(self) -> bool:
        # Somebody who turns it off must read that it failed: Home Assistant says nothing of
        # entities that are not available.
        return self.hostname is not None

    @property
    @override
    def is_on(self) -> bool | None:
        hostname = self.hostname
        if hostname is None or hostname.drifted is None:
            return None
        return hostname.published if self.coordinator.last_update_success else None

    @property
    @override
    def assumed_state(self) -> bool:
        # Home Assistant offers both ways then: it was turned off, and somebody gets in all the same.
        hostname = self.hostname
        return hostname is not None and hostname.is_opened_while_off

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._publish(published=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._publish(published=False)

    async def _publish(self, *, published: bool) -> None:
        """Make the change, if the person who asks for it may, and knows what it ends."""
        await self.async_require_administrator()
        if not published and (shown := self.hostname):
            hostnames = {shown.settings.hostname}
            async_ask_before_cutting_off(self.hass, hostnames, self._context)
        await self._change(published)

    @to_the_end("The change of a hostname")
    async def _change(self, published: bool) -> None:
        """Make the change at Cloudflare, and store it only once it is made."""
        protection = self._entry.runtime_data.protection
        with raise_translated():
            async with protection.async_writing() as reconciler:
                if (hostname := self.hostname) is None:
                    # Somebody removed it while this waited for another writer.
                    return
                protected = replace(hostname.settings.protected, published=published)
                settings = replace(hostname.settings, protected=protected)
                extent = Extent(hostnames={settings.hostname})
                outcome = await reconciler.with_hostname(settings).sync(extent)
                outcome.raise_if_stopped()
                if not published and (problems := outcome.left_open(settings)):
                    reason = await async_tell(self.hass, problems)
                    raise_translated_error(
                        Message(
                            "hostname_not_off",
                            {"hostname": settings.hostname, "reason": reason},
                        )
                    )
                # While nobody else can write: the next writer takes the new settings. All others
                # are what somebody may have made of them meanwhile.
                if subentry := self._entry.subentries.get(self._subentry_id):
                    self.hass.config_entries.async_update_subentry(
                        self._entry,
                        subentry,
                        data={**subentry.data, CONF_PUBLISHED: published},
                    )
        if not published and outcome.may_be_reached(settings):
            await self._tell_who_is_allowed(settings)

    async def _tell_who_is_allowed(self, settings: HostnameSettings) -> None:
        """Raise HomeAssistantError if visitors are let past all rules to a hostname that is off now."""
        checks = self._entry.runtime_data.checks
        # What cannot be read now is as it was.
        with suppress(EngineError):
            await checks.async_read_allowing(settings.zone_id)
        if allowing := checks.allowing_in(settings.zone_id):
            visitors = ", ".join(sorted(rule.value for rule in allowing))
            raise_translated_error(
                Message(
                    "visitors_still_allowed",
                    {"hostname": settings.hostname, "visitors": visitors},
                )
            )
