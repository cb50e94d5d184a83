"""Tests of the dialog that confirms unknown certificates, while somebody else takes one over."""

import asyncio
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.storage import Store
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import (
    BLOCK_REF,
    EDGE_EVERY,
    add_certificate,
    fingerprint_of,
    issues,
    reported,
    settle,
    state_of,
    submit,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import Client, add, certificates, confirm_repair
from tests.faults import Faults

from .creating import press
from .helpers import trusted
from .test_confirming_what_is_gone import browser
from .test_pinning import choose_pinning, pinned
from .test_unknown_certificates import to_step

pytestmark = with_device

UNKNOWN = "7bf7f70c-7600-42e1-81c4-00000000000a"
OTHER = "7bf7f70c-7600-42e1-81c4-00000000000b"
CHOSEN = {"certificate": UNKNOWN, "name": "Tablet", "system": "android"}


@pytest.fixture
async def client(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return a browser, in which an unknown certificate is reported."""
    await add_certificate(sandbox, certificate_id=UNKNOWN, organization="Somebody")
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    return await browser(hass, hass_client)


async def to_both(
    hass: HomeAssistant, client: Client, home: MockConfigEntry
) -> tuple[dict[str, Any], Any]:
    """Open both dialogs: one confirms the certificate, the other takes it over."""
    (key,) = reported(hass)
    assert key
    confirming = await to_step(hass, client, "confirm", key)
    adopting = await submit(hass, await add(hass, home), {"next_step_id": "adopt"})
    return confirming, adopting


async def assert_is_the_tablets(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Assert that the certificate is the device's, and goes with it."""
    await settle(hass)
    assert state_of(hass, "sensor.tablet_certificate_status") == "active"
    assert (await trusted(hass, home))[UNKNOWN] is True
    await press(hass, "button.tablet_revoke")
    await settle(hass)
    assert certificates(sandbox)[UNKNOWN] == "revoked"
    assert (await trusted(hass, home))[UNKNOWN] is False


async def test_taken_over_while_it_is_confirmed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The confirmation reads the rules; what is the device's by then stays the device's."""
    confirming, adopting = await to_both(hass, client, home)
    hold = asyncio.Event()
    fault = faults.add("GET", "/client_certificates", hold=hold, times=1)
    confirmed = hass.async_create_task(
        confirm_repair(client, confirming, certificates=[UNKNOWN])
    )
    await fault.until_hit()
    adopted = await hass.config_entries.subentries.async_configure(
        adopting["flow_id"], CHOSEN
    )
    assert adopted["type"] is FlowResultType.CREATE_ENTRY
    hold.set()

    # Nothing is left to ask.
    assert (await confirmed)["reason"] == "nothing_confirmed"

    await settle(hass)
    own = fingerprint_of(zone_of(sandbox).certificates[UNKNOWN].certificate)
    assert own in (pinned(sandbox, BLOCK_REF) or ())
    await assert_is_the_tablets(hass, sandbox, home, freezer)
    assert own not in (pinned(sandbox, BLOCK_REF) or ())


@pytest.mark.parametrize("pins", [True, False], ids=["pinned", "any"])
async def test_confirmed_right_before_the_device_is_there(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    pins: bool,
) -> None:
    """What is being taken over is neither confirmed as nobody's nor lost by the device."""
    if not pins:
        await choose_pinning(hass, home, pins=False)
    confirming, adopting = await to_both(hass, client, home)
    is_saving, go_on = asyncio.Event(), asyncio.Event()
    save = Store.async_save

    async def save_slowly(store: Store[dict[str, Any]], data: dict[str, Any]) -> None:
        if store.key.endswith(".certificates"):
            is_saving.set()
            await go_on.wait()
        await save(store, data)

    monkeypatch.setattr(Store, "async_save", save_slowly)
    adoption = hass.async_create_task(
        hass.config_entries.subentries.async_configure(adopting["flow_id"], CHOSEN)
    )
    await is_saving.wait()

    confirmed = hass.async_create_task(
        confirm_repair(client, confirming, certificates=[UNKNOWN])
    )
    # The confirmation asks Cloudflare first; time stands still for the event loop.
    await hass.async_add_executor_job(time.sleep, 0.5)
    go_on.set()

    assert (await confirmed)["errors"] == {"certificates": "taken_meanwhile"}
    assert (await adoption)["type"] is FlowResultType.CREATE_ENTRY
    await assert_is_the_tablets(hass, sandbox, home, freezer)


async def test_another_one_is_confirmed_with_it(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    client: Client,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Only what is still unknown is confirmed."""
    await add_certificate(sandbox, certificate_id=OTHER)
    await home.runtime_data.protection.async_refresh()
    await settle(hass)
    confirming, adopting = await to_both(hass, client, home)
    await submit(hass, adopting, CHOSEN)
    await settle(hass)

    result = await confirm_repair(client, confirming, certificates=[UNKNOWN, OTHER])

    assert result["type"] == "create_entry"
    assert (await trusted(hass, home))[OTHER] is True
    assert issues(hass) == {}
    await assert_is_the_tablets(hass, sandbox, home, freezer)
