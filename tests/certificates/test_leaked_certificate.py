"""Tests of a certificate that a person revoked because its key leaked: no button brings it back."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import CERTIFICATE_ID, act, settle, state_of, with_device
from tests.dialogs import certificates, renew_and_test
from tests.faults import Faults

from .creating import REVOKE, press
from .helpers import look_often
from .test_restore_button import RESTORE

pytestmark = with_device


@pytest.fixture
async def leaked(
    hass: HomeAssistant,
    ready: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> str:
    """Return the newer of a device's two certificates."""
    phone = await hass_client_no_auth()
    renewed = await renew_and_test(hass, phone, ready, CERTIFICATE_ID)
    return str(renewed["certificate_id"])


async def assert_not_restored(
    hass: HomeAssistant, sandbox: Sandbox, freezer: FrozenDateTimeFactory, leaked: str
) -> None:
    """Press *Restore certificate* where that is possible, once all are revoked."""
    await look_often(hass, freezer)
    assert set(certificates(sandbox).values()) == {"revoked"}
    if state_of(hass, RESTORE) != "unavailable":
        await press(hass, RESTORE)
    assert certificates(sandbox)[leaked] == "revoked"


@pytest.mark.parametrize("presses", [1, 2])
@pytest.mark.parametrize("refuses_all", [True, False], ids=["all", "leaked"])
async def test_device_is_revoked_while_cloudflare_refuses(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    leaked: str,
    *,
    presses: int,
    refuses_all: bool,
) -> None:
    """To press *Revoke* again does not change which certificate the device used."""
    path = "" if refuses_all else leaked
    faults.refuse("DELETE", f"/client_certificates/{path}", 400, 1400, "No")
    with pytest.raises(HomeAssistantError):
        await act(hass, ready, "revoke_certificate", certificate_id=leaked)
    for _ in range(presses):
        with pytest.raises(HomeAssistantError):
            await press(hass, REVOKE)
        await settle(hass)
    faults.clear()
    await assert_not_restored(hass, sandbox, freezer, leaked)


@pytest.mark.parametrize("path", ["/client_certificates", ""], ids=["list", "all"])
async def test_device_is_revoked_while_nothing_can_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    leaked: str,
    path: str,
) -> None:
    """What was read last is of before the revocation."""
    hold = asyncio.Event()
    fault = faults.add("DELETE", f"/client_certificates/{leaked}", hold=hold, times=1)
    revoking = hass.async_create_task(
        act(hass, ready, "revoke_certificate", certificate_id=leaked)
    )
    await fault.until_hit()
    faults.unavailable("GET", path)
    hold.set()
    await revoking
    assert certificates(sandbox)[leaked] == "revoked"
    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE)
    faults.clear()
    await assert_not_restored(hass, sandbox, freezer, leaked)
