"""Withdraws bundles as soon as a person removes their device or account, disables it, or keeps them at home."""

from collections.abc import Collection

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from ..const import CONF_REMOTE_HANDOVER, DOMAIN
from ..pages.handovers import async_get_handovers
from ..subentries import companions_of


@callback
def async_withdraw_what_is_gone(hass: HomeAssistant) -> None:
    """Withdraw the bundles of what a person removes or disables, at once.

    Where a person turns off that they are given out remotely, they stay at home.

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
            handovers = async_get_handovers(hass)
            handovers.withdraw_others(entry.entry_id, device_ids)
            if not entry.options.get(CONF_REMOTE_HANDOVER):
                handovers.keep_at_home(entry.entry_id)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed)
