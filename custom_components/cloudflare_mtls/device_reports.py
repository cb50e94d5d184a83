"""Records what companion devices do on the pages: fetch a bundle, test a certificate."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .engine.arrival import Arrival
from .engine.certificates.records import token_digest
from .identity import Identity
from .pages.certificate_test import ProofResult
from .pages.handovers import Delivery
from .runtime_data import CloudflareConfigEntry
from .storage.ledger import async_get_ledger


async def async_record_fetched(hass: HomeAssistant, delivery: Delivery) -> None:
    """Record that a device fetched its bundle, also while the account is not loaded."""
    entry: CloudflareConfigEntry | None = hass.config_entries.async_get_entry(
        delivery.entry_id
    )
    if entry is None:
        # The account was removed at that very moment.
        return
    ledger = await async_get_ledger(hass, entry.entry_id)
    await ledger.async_note(
        delivery.certificate_id,
        taken_on=dt_util.utcnow(),
        test_digest=token_digest(delivery.test_token),
    )
    if entry.state is ConfigEntryState.LOADED:
        entry.runtime_data.protection.async_look_at_ledger()


async def async_record_proof(
    hass: HomeAssistant, token: str, hostname: str, identity: Identity | None
) -> ProofResult:
    """Record that a device reached a hostname with its certificate, if that is a proof.

    A stranger has no token that came with a bundle, and so causes no request to Cloudflare.
    """
    entries: list[CloudflareConfigEntry] = hass.config_entries.async_loaded_entries(
        DOMAIN
    )
    for entry in entries:
        proofs = entry.runtime_data.proofs
        if certificate_id := proofs.find(token):
            # It got here with a certificate, whatever that proves.
            entry.runtime_data.visits.async_record_arrival(hostname, Arrival.HOME)
            return await proofs.async_record(certificate_id, hostname, identity)
    return ProofResult.UNKNOWN
