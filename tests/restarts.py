"""A Home Assistant that is started again: it keeps what was stored, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from homeassistant import loader
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from .common import settle


@asynccontextmanager
async def started_again(hass: HomeAssistant) -> AsyncIterator[HomeAssistant]:
    """Start a Home Assistant that finds what another one stored so far; needs hass_storage."""
    async with async_test_home_assistant(config_dir=hass.config.config_dir) as again:
        again.data.pop(loader.DATA_CUSTOM_COMPONENTS)
        again.config.internal_url = hass.config.internal_url
        try:
            yield again
        finally:
            for entry in again.config_entries.async_loaded_entries("cloudflare_mtls"):
                await again.config_entries.async_unload(entry.entry_id)
            await settle(again)
            await again.async_stop(force=True)


@asynccontextmanager
async def restarted(hass: HomeAssistant) -> AsyncIterator[HomeAssistant]:
    """Stop Home Assistant in good order, and start one that finds what the first one stored."""
    for entry in hass.config_entries.async_loaded_entries("cloudflare_mtls"):
        await hass.config_entries.async_unload(entry.entry_id)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await settle(hass)
    async with started_again(hass) as again:
        yield again


def same_account(entry: MockConfigEntry) -> MockConfigEntry:
    """Return the entry of an account as it is read at a start."""
    return MockConfigEntry(
        domain=entry.domain,
        title=entry.title,
        unique_id=entry.unique_id,
        entry_id=entry.entry_id,
        data=dict(entry.data),
        options=dict(entry.options),
        subentries_data=[item.as_dict() for item in entry.subentries.values()],
    )
