"""Records what companion devices do on the pages: fetch a bundle, test a certificate."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .pages.handovers import Delivery
from .runtime_data import CloudflareConfigEntry
from .storage.ledger import async_get_ledger


async def async_record_fetched(hass: HomeAssistant, delivery: Delivery) -> None:
    """Record that a device fetched its bundle, also while the account is not loaded."""
    # Nothing waits of an account that is gone.
    entry: CloudflareConfigEntry = hass.config_entries.async_get_known_entry(
        delivery.entry_id
    )
    ledger = await async_get_ledger(hass, entry.entry_id)
    await ledger.async_note(delivery.certificate_id, taken_on=dt_util.utcnow())
    if entry.state is ConfigEntryState.LOADED:
        entry.runtime_data.protection.async_look_at_ledger()


async def async_record_proof(
    hass: HomeAssistant, certificate_id: str, hostname: str
) -> bool:
    """Record that a device reached a hostname with its certificate; return whether it is known."""
    entries: list[CloudflareConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    for entry in entries:
        if await entry.runtime_data.certificates.async_record_proof(
            certificate_id, hostname
        ):
            return True
    return False
