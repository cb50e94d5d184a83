"""Keeps the order of a button that revokes and is pressed while Home Assistant ignores that."""

from homeassistant.components.button import DOMAIN as BUTTON_DOMAIN, SERVICE_PRESS
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..const import LOGGER
from ..engine.certificates.trust import known_ids
from ..pages.handovers import async_get_handovers
from ..storage.ledger import async_get_ledger
from ..subentries import companion_of
from ..unfinished_orders import async_tell_orders_of
from ..unheard_orders import async_hear_orders
from .creations import async_get_creations


@callback
def async_keep_unheard_revocations(hass: HomeAssistant) -> None:
    """Have certificates revoked as soon as that is possible, if an administrator ordered it before."""

    async def keep_old(entry: ConfigEntry, subentry_id: str) -> None:
        """Have a device's replaced certificates be due for revocation now."""
        device = companion_of(entry.subentries[subentry_id])
        ledger = await async_get_ledger(hass, entry.entry_id)
        if await ledger.async_revoke_replaced_now(device.id):
            LOGGER.warning(
                "Old certificates of %s are revoked once Cloudflare can be asked; they are valid until then",
                device.name,
            )
            await async_tell_orders_of(hass, entry)

    async def keep(entry: ConfigEntry, subentry_id: str) -> None:
        """Give nothing more to a device, and have its certificates revoked as soon as that can be asked."""
        device = companion_of(entry.subentries[subentry_id])
        async_get_creations(hass).stop_device(device.id)
        async_get_handovers(hass).withdraw_device(device.id)
        ledger = await async_get_ledger(hass, entry.entry_id)
        await ledger.async_mark_unwanted(
            known_ids(ledger.records, ledger.confirmed, device.id)
        )
        await async_tell_orders_of(hass, entry)
        LOGGER.warning(
            "%s is revoked once its account is set up; its certificates are valid until then",
            device.name,
        )

    async_hear_orders(hass, BUTTON_DOMAIN, SERVICE_PRESS, "revoke", keep)
    # While rules cannot be read, nobody knows whether a newer certificate is let in.
    async_hear_orders(
        hass, BUTTON_DOMAIN, SERVICE_PRESS, "revoke_old", keep_old, also_loaded=True
    )
