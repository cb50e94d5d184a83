"""Keeps the order of a *Published* switch that is turned off while its account is not loaded."""

from collections.abc import Collection

from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import SERVICE_TURN_OFF
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .const import CONF_PUBLISHED, DOMAIN, LOGGER
from .engine.api.errors import EngineError
from .engine.sync.reconciler import Extent
from .runtime_data import CloudflareConfigEntry
from .subentries import hostname_of
from .unheard_orders import async_hear_orders

# The hostnames that were turned off, by account.
_TURNED_OFF: HassKey[dict[str, set[str]]] = HassKey(f"{DOMAIN}_turned_off")


@callback
def async_keep_unheard_switches(hass: HomeAssistant) -> None:
    """Have hostnames be off once their account is loaded, if an administrator ordered it before.

    An order to turn one on is not kept: nothing is published that nobody sees.
    """

    async def keep(entry: ConfigEntry, subentry_id: str) -> None:
        """Store that a hostname is off: from then on, what leads to it is drift, also after a restart."""
        subentry = entry.subentries[subentry_id]
        hass.config_entries.async_update_subentry(
            entry, subentry, data={**subentry.data, CONF_PUBLISHED: False}
        )
        hostname = hostname_of(subentry).hostname
        turned_off = hass.data.setdefault(_TURNED_OFF, {})
        turned_off.setdefault(entry.entry_id, set()).add(hostname)
        LOGGER.warning(
            "%s is taken off the internet once its account is set up; devices reach it until then",
            hostname,
        )

    async_hear_orders(hass, SWITCH_DOMAIN, SERVICE_TURN_OFF, "published", keep)


@callback
def async_apply_unheard_switches(
    hass: HomeAssistant, entry: CloudflareConfigEntry
) -> None:
    """Take hostnames off the internet that were turned off unheard, kept in sync or not."""
    if hostnames := hass.data.get(_TURNED_OFF, {}).pop(entry.entry_id, None):
        entry.async_create_background_task(
            hass, _take_off(entry, hostnames), f"{entry.title} hostnames turned off"
        )


async def _take_off(entry: CloudflareConfigEntry, hostnames: Collection[str]) -> None:
    try:
        await entry.runtime_data.protection.async_sync(Extent(hostnames=hostnames))
    except EngineError as err:
        LOGGER.debug("%s could not be taken off the internet: %s", hostnames, err)
