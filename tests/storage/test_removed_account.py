"""Tests of an account that is removed while something goes on for it: nothing of it is stored again."""

import asyncio
from contextlib import suppress
from pkgutil import resolve_name
import threading
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import act, settle, setup_integration, zone_of
from tests.faults import Faults

WRITE = "homeassistant.helpers.storage.Store._async_write_data"


def files(hass_storage: dict[str, Any], entry: MockConfigEntry) -> list[str]:
    """Return what is stored of an account."""
    return [key for key in hass_storage if key.startswith(f"{DOMAIN}.{entry.entry_id}")]


@pytest.mark.parametrize("works", [True, False], ids=["works", "fails"])
async def test_certificate_is_being_created(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    faults: Faults,
    entry: MockConfigEntry,
    *,
    works: bool,
) -> None:
    """Whatever Cloudflare answers, no file is left."""
    await setup_integration(hass, entry)
    hold = asyncio.Event()
    status, body = (None, None) if works else (500, "")
    fault = faults.add(
        "POST",
        "/client_certificates",
        hold=hold,
        after_write=True,
        status=status,
        body=body,
    )
    creating = hass.async_create_task(
        act(hass, entry, "mint_certificate", name="Tablet", key_type="ec_p256")
    )
    await fault.until_hit()
    assert files(hass_storage, entry)
    await hass.config_entries.async_remove(entry.entry_id)

    hold.set()
    with suppress(HomeAssistantError):
        await creating
    await settle(hass)

    assert files(hass_storage, entry) == []


async def test_disk_that_is_slow(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    entry: MockConfigEntry,
) -> None:
    """The file is removed once it is written, not before."""
    await setup_integration(hass, entry)
    write: Any = resolve_name(WRITE)
    writing, hold = asyncio.Event(), asyncio.Event()

    async def write_slowly(store: Store[Any], data: dict[str, Any]) -> None:
        if store.key == f"{DOMAIN}.{entry.entry_id}":
            writing.set()
            await hold.wait()
        await write(store, data)

    # The new record's id is stored.
    zone_of(sandbox).dns_records.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WRITE, write_slowly)
        syncing = hass.async_create_task(act(hass, entry, "sync"))
        await writing.wait()
        removing = hass.async_create_task(
            hass.config_entries.async_remove(entry.entry_id)
        )
        # A moment of the real clock.
        await hass.async_add_executor_job(threading.Event().wait, 0.3)
        hold.set()
        await removing
        with suppress(HomeAssistantError):
            await syncing
        await settle(hass)

    assert files(hass_storage, entry) == []
