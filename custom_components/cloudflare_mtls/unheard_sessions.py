"""Keeps the order of an *End sessions* button that is pressed while Home Assistant ignores that."""

from homeassistant.components.button import DOMAIN as BUTTON_DOMAIN, SERVICE_PRESS
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from .const import LOGGER
from .engine.access.beyond_settings import LetIn
from .engine.access.sessions import Sessions
from .storage.logins import async_get_login_records
from .subentries import login_hostname_of
from .unfinished_orders import async_tell_orders_of
from .unheard_orders import async_hear_orders


@callback
def async_keep_unheard_ends_of_sessions(hass: HomeAssistant) -> None:
    """Have sessions end as soon as that is possible, if an administrator ordered it before."""

    async def keep(entry: ConfigEntry, subentry_id: str) -> None:
        """Store that everybody's sessions at a hostname must end."""
        hostname = login_hostname_of(entry.subentries[subentry_id]).hostname
        records = await async_get_login_records(hass, entry.entry_id)
        await records.async_update(entry.subentries)
        await records.async_note_due(hostname, Sessions(of_everybody=True), LetIn())
        await async_tell_orders_of(hass, entry)
        LOGGER.warning(
            "Sessions at %s end once Cloudflare can be asked; people stay logged in until then",
            hostname,
        )
        if entry.state is ConfigEntryState.LOADED:
            # If Access cannot be read now either, a repair says so.
            await entry.runtime_data.access.async_look_again()

    # Until Access was read, nobody knows which application asks for the login.
    async_hear_orders(
        hass, BUTTON_DOMAIN, SERVICE_PRESS, "end_sessions", keep, also_loaded=True
    )
