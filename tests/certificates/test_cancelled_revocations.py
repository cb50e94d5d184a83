"""Tests of revocations whose caller is gone: a script that is stopped has already said that it must be."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from sandbox import Sandbox
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    add_known_certificate,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    with_device,
)
from tests.faults import Faults

from .creating import REVOKE, active

pytestmark = with_device

SCRIPT = {"entity_id": "script.lost_phone"}


def by_button(entry: MockConfigEntry) -> dict[str, Any]:
    """Return the step of a script that presses *Revoke*."""
    return {"action": "button.press", "target": {"entity_id": REVOKE}}


def by_action(entry: MockConfigEntry) -> dict[str, Any]:
    """Return the step of a script that revokes the certificate by its id."""
    data = {"config_entry_id": entry.entry_id, "certificate_id": CERTIFICATE_ID}
    return {"action": f"{DOMAIN}.revoke_certificate", "data": data}


@pytest.mark.parametrize("step", [by_button, by_action])
@pytest.mark.parametrize(
    "held",
    ["GET /client_certificates", "GET /rulesets/", "DELETE /client_certificates"],
)
@pytest.mark.parametrize("fails", [False, True], ids=["", "and then fails"])
async def test_script_that_is_stopped(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    step: Any,
    held: str,
    fails: bool,
) -> None:
    """The certificate is revoked at once, or after the next look, or a repair tells."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    script = {"script": {"lost_phone": {"sequence": [step(entry)]}}}
    assert await async_setup_component(hass, "script", script)
    hold = asyncio.Event()
    method, path = held.split()
    fault = faults.add(method, path, hold=hold, status=500 if fails else None, body="")
    await hass.services.async_call("script", "turn_on", SCRIPT)
    await fault.until_hit()

    await hass.services.async_call("script", "turn_off", SCRIPT, blocking=True)
    hold.set()
    await settle(hass)

    if active(sandbox):
        assert fails
        assert reported(hass) >= {"revocation_pending"}
        faults.clear()
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert active(sandbox) == set()
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()
