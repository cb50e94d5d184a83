"""Tests of a certificate that no list shows, while those of another domain of the account cannot be read."""

from datetime import timedelta
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
    act,
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

MINUTE = timedelta(minutes=1)
KEY = "uncertified_request"


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


@pytest.mark.parametrize("is_unread", [False, True], ids=["all read", "one unread"])
@pytest.mark.parametrize("where", ["in no list", "signed there"])
async def test_told_although_another_zone_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    is_unread: bool,
    where: str,
) -> None:
    """Somebody was let in, and a person is told within a day."""
    second = sandbox.state.add_zone("second.example")
    fingerprint = "0a" * 32
    if where == "signed there":
        await add_certificate(sandbox, certificate_id="there", organization="Somebody")
        second.certificates["there"] = zone_of(sandbox).certificates.pop("there")
        fingerprint = fingerprint_of(second.certificates["there"].certificate)
    if is_unread:
        faults.refuse("GET", f"{second.id}/client_certificates", 403, 10000, "No")
    await set_up_with_phone(hass, sandbox, entry)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    client = await hass_client_no_auth()
    for _ in range(24):
        await send_battery(client, told_headers(sandbox, fingerprint))
        await settle(hass)
        freezer.tick(MINUTE)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) & {KEY, "unknown_certificates"}


@pytest.mark.parametrize("is_created_here", [True, False], ids=["created", "confirmed"])
async def test_device_of_ones_own_while_its_zone_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    is_created_here: bool,
) -> None:
    """It is no stranger's, although no list shows its certificate after a restart."""
    certificate = await set_up_with_phone(hass, sandbox, entry)
    fingerprint = fingerprint_of(certificate)
    if is_created_here:
        await act(hass, entry, "mint_certificate", name="Tablet")
        [created] = [
            item
            for item in zone_of(sandbox).certificates.values()
            if fingerprint_of(item.certificate) != fingerprint
        ]
        fingerprint = fingerprint_of(created.certificate)
    faults.unavailable("GET", "/client_certificates")
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    client = await hass_client_no_auth()
    for _ in range(8):
        await send_battery(client, told_headers(sandbox, fingerprint))
        await settle(hass)
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert KEY not in reported(hass)
    await send_battery(client, told_headers(sandbox, "0a" * 32))
    for _ in range(8):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert KEY in reported(hass)
