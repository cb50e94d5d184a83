"""Keeps the order of a *Published* switch that is turned off while its account is not loaded."""

from collections.abc import Collection

from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import SERVICE_TURN_OFF
from homeassistant.core import HomeAssistant, callback

from .const import CONF_PUBLISHED, LOGGER
from .engine.api.errors import EngineError
from .engine.sync.reconciler import Extent
from .runtime_data import CloudflareConfigEntry
from .storage.tombstones import async_get_tombstones
from .subentries import hostname_of
from .unheard_orders import async_hear_orders


@callback
def async_keep_unheard_switches(hass: HomeAssistant) -> None:
    """Have hostnames be off once their account is loaded, if an administrator ordered it before.

    An order to turn one on is not kept: nothing is published that nobody sees.
    """

    async def keep(entry: ConfigEntry, subentry_id: str) -> None:
        """Store that a hostname is off, and that this is still to be carried out."""
        subentry = entry.subentries[subentry_id]
        hass.config_entries.async_update_subentry(
            entry, subentry, data={**subentry.data, CONF_PUBLISHED: False}
        )
        hostname = hostname_of(subentry).hostname
        tombstones = await async_get_tombstones(hass, entry.entry_id)
        await tombstones.async_update(entry.subentries)
        await tombstones.async_note_turned_off(hostname)
        LOGGER.warning(
            "%s is taken off the internet once its account is set up; devices reach it until then",
            hostname,
        )

    async_hear_orders(hass, SWITCH_DOMAIN, SERVICE_TURN_OFF, "published", keep)


async def async_apply_unheard_switches(
    hass: HomeAssistant, entry: CloudflareConfigEntry
) -> None:
    """Take hostnames off the internet that were turned off unheard, kept in sync or not."""
    tombstones = await async_get_tombstones(hass, entry.entry_id)
    if hostnames := tombstones.turned_off:
        entry.async_create_background_task(
            hass, _take_off(entry, hostnames), f"{entry.title} hostnames turned off"
        )


async def _take_off(entry: CloudflareConfigEntry, hostnames: Collection[str]) -> None:
    try:
        await entry.runtime_data.protection.async_sync(Extent(hostnames=hostnames))
    except EngineError as err:
        LOGGER.debug("%s could not be taken off the internet: %s", hostnames, err)
