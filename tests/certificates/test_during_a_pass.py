"""Tests of what a person does while certificates are revoked automatically, one after the other."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    add_known_certificate,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    with_device,
)
from tests.dialogs import certificates
from tests.faults import Faults

from .creating import REVOKE, mint, press

pytestmark = with_device

SECOND = "7bf7f70c-7600-42e1-81c4-000000000002"


@pytest.fixture
async def slow(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
) -> asyncio.Event:
    """Have two certificates revoked automatically; the first waits until the event is set."""
    await add_known_certificate(hass, entry, sandbox)
    await add_known_certificate(hass, entry, sandbox, certificate_id=SECOND)
    await setup_integration(hass, entry)
    faults.unavailable("DELETE", "/client_certificates")
    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE)
    await settle(hass)
    faults.clear()
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/client_certificates", hold=hold, times=1)
    # Nothing settles while an answer is held back.
    await entry.runtime_data.protection.async_refresh()
    await fault.until_hit()
    return hold


async def turn_often() -> None:
    """Let everything run that does not wait for the held answer."""
    for _ in range(3000):
        await asyncio.sleep(0)


async def test_device_that_comes_and_goes(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    slow: asyncio.Event,
) -> None:
    """The list from before it came does not say that it has no certificate."""
    created = await mint(hass, entry)
    (tablet,) = [item for item in entry.subentries.values() if item.title == "Tablet"]
    hass.config_entries.async_remove_subentry(entry, tablet.subentry_id)
    await turn_often()
    slow.set()
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert certificates(sandbox)[created["certificate_id"]] == "revoked"
    assert reported(hass) == set()


async def test_certificate_that_is_restored(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    slow: asyncio.Event,
) -> None:
    """What a person wants back is not revoked by what began before."""
    [*_, held] = [path for method, path in faults.requests if method == "DELETE"]
    other = SECOND if held.endswith(CERTIFICATE_ID) else CERTIFICATE_ID
    restoring = hass.async_create_task(
        act(hass, entry, "restore_certificate", certificate_id=other)
    )
    await turn_often()
    slow.set()
    await restoring
    await settle(hass)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert certificates(sandbox)[other] == "active"
    assert reported(hass) == set()
