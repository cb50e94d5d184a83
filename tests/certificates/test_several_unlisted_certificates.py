"""Tests of a stranger whose certificate is in no list, and who came once while lists could not be read."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.app_requests import send_battery, set_up_with_phone
from tests.common import (
    EDGE_EVERY,
    add_certificate,
    companion,
    fingerprint_of,
    reported,
    settle,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults
from tests.identities import told_headers

KEY = "uncertified_request"


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


@pytest.mark.parametrize("how", ["alone", "behind another"])
async def test_stranger_who_came_once(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    how: str,
) -> None:
    """Somebody else's new certificate must not hide them."""
    await set_up_with_phone(hass, sandbox, entry)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    faults.unavailable("GET", "/client_certificates")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    client = await hass_client_no_auth()
    if how == "behind another":
        await add_certificate(sandbox, certificate_id="new", organization="Somebody")
        new = fingerprint_of(zone_of(sandbox).certificates["new"].certificate)
        await send_battery(client, told_headers(sandbox, new))
        await settle(hass)
    await send_battery(client, told_headers(sandbox, "0a" * 32))
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    faults.clear()
    for _ in range(12):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert KEY in reported(hass)
