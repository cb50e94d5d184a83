"""Withdraws bundles as soon as a person removes their device, or removes or disables their account."""

from collections.abc import Collection

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from ..const import DOMAIN
from ..pages.handovers import async_get_handovers
from ..subentries import companions_of


@callback
def async_withdraw_what_is_gone(hass: HomeAssistant) -> None:
    """Withdraw the bundles of what a person removes or disables, from now on.

    An account that is not loaded has no update listener, so Home Assistant's own signal is
    followed. Cloudflare is not asked: a bundle is given out by Home Assistant alone.
    """

    @callback
    def changed(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN:
            device_ids: Collection[str] = ()
            if change is not ConfigEntryChange.REMOVED and not entry.disabled_by:
                device_ids = {
                    item.id for item in companions_of(entry.subentries).values()
                }
            async_get_handovers(hass).withdraw_others(entry.entry_id, device_ids)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed)
