"""Tests of restorations whose caller is gone: a revocation takes them back all the same."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    add_known_certificate,
    settle,
    setup_integration,
    wait_for_refresh,
    with_device,
)
from tests.faults import Faults

from .creating import REVOKE, active, press

pytestmark = with_device

SCRIPT = {"entity_id": "script.back"}


@pytest.mark.parametrize("revokes", [False, True], ids=["", "and Revoke is pressed"])
async def test_script_that_is_stopped(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    revokes: bool,
) -> None:
    """A restoration that is under way ends as a person last wanted."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await press(hass, REVOKE)
    await settle(hass)
    assert active(sandbox) == set()
    data = {"config_entry_id": entry.entry_id, "certificate_id": CERTIFICATE_ID}
    step = {"action": f"{DOMAIN}.restore_certificate", "data": data}
    script = {"script": {"back": {"sequence": [step]}}}
    assert await async_setup_component(hass, "script", script)
    hold = asyncio.Event()
    fault = faults.add("PATCH", "/client_certificates", hold=hold)
    await hass.services.async_call("script", "turn_on", SCRIPT)
    await fault.until_hit()
    await hass.services.async_call("script", "turn_off", SCRIPT, blocking=True)

    if revokes:
        try:
            await press(hass, REVOKE)
        except HomeAssistantError:
            pytest.fail("The certificate was revoked before, and still is")
    hold.set()
    await settle(hass)

    assert active(sandbox) == (set() if revokes else {CERTIFICATE_ID})
