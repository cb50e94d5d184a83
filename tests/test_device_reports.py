"""Tests of what companion devices report through the pages."""

from dataclasses import replace

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.device_reports import async_record_fetched

from .common import act, settle, state_of
from .deliveries import make_delivery
from .dialogs import fetch, link_of, status_of_fetch

HANDOVER = "sensor.pixel_8_handover"


async def test_bundle_that_waits_while_the_account_is_not_loaded(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """It is given out once the account is loaded again, and the fetch is recorded."""
    client = await hass_client_no_auth()
    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    link = link_of(hass, created)
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    assert await status_of_fetch(client, link) == 503
    await hass.config_entries.async_setup(loaded_entry.entry_id)

    await fetch(client, link)
    await settle(hass)

    assert state_of(hass, HANDOVER) == "taken"


async def test_bundle_that_is_fetched_after_the_account_was_reloaded(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The entities show it at once."""
    client = await hass_client_no_auth()
    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    await hass.config_entries.async_reload(loaded_entry.entry_id)
    await settle(hass)
    assert state_of(hass, HANDOVER) == "waiting"

    await fetch(client, link_of(hass, created))
    await settle(hass)

    assert state_of(hass, HANDOVER) == "taken"


async def test_account_that_is_not_loaded_any_more(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """A bundle that was fetched at the last moment is recorded, and shown later."""
    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    await hass.config_entries.async_unload(loaded_entry.entry_id)
    delivery = replace(
        make_delivery(),
        entry_id=loaded_entry.entry_id,
        certificate_id=created["certificate_id"],
    )

    await async_record_fetched(hass, delivery)
    await async_record_fetched(hass, replace(delivery, entry_id="removed"))

    await hass.config_entries.async_setup(loaded_entry.entry_id)
    await settle(hass)
    assert state_of(hass, HANDOVER) == "taken"
