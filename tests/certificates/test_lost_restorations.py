"""Tests of restorations whose answer is lost: Cloudflare carried them out, and nobody saw it."""

import asyncio
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    CERTIFICATE_ID,
    act,
    reported,
    settle,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import certificates
from tests.faults import HTML_ERROR, Faults

from .creating import REVOKE, press
from .helpers import look_often, restoring, trusted
from .test_during_a_pass import turn_often
from .test_hidden_zones import look_again
from .test_out_of_reach import remove_device
from .test_restored_unseen import restore_unseen

pytestmark = with_device

SECONDS = timedelta(seconds=10)


@pytest.fixture
async def lost(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> MockConfigEntry:
    """Revoke a certificate, restore it without an answer, and have its list fail from then on."""
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    await restore_unseen(hass, faults, ready, CERTIFICATE_ID, answered=False)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    return ready


async def test_device_is_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    lost: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is remembered until its certificate was seen."""
    await remove_device(hass, lost)
    faults.clear()
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert reported(hass) == set()


async def test_device_is_removed_and_no_list_can_be_read(
    hass: HomeAssistant,
    faults: Faults,
    lost: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A certificate that may let somebody in is not forgotten."""
    await remove_device(hass, lost)
    await look_often(hass, freezer)
    assert lost.runtime_data.protection.removals.devices


@pytest.mark.parametrize("by_id", [False, True], ids=["button", "action"])
async def test_revoked_while_cloudflare_is_away(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    by_id: bool,
) -> None:
    """The old list that is shown again is not the end of the new order."""
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    hold = asyncio.Event()
    patch = faults.add(
        "PATCH",
        f"/client_certificates/{CERTIFICATE_ID}",
        status=500,
        body=HTML_ERROR,
        after_write=True,
        hold=hold,
        times=1,
    )
    restored = restoring(hass, ready)
    await patch.until_hit()
    faults.unavailable("*", "")
    hold.set()
    with pytest.raises(HomeAssistantError):
        await restored
    await settle(hass)

    order = (
        act(hass, ready, "revoke_certificate", certificate_id=CERTIFICATE_ID)
        if by_id
        else press(hass, REVOKE)
    )
    with pytest.raises(HomeAssistantError):
        await order
    await settle(hass)
    faults.clear()
    await look_often(hass, freezer)
    await look_often(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert (await trusted(hass, ready))[CERTIFICATE_ID] is False


@pytest.mark.parametrize(
    ("method", "path"), [("*", ""), ("DELETE", "/client_certificates")]
)
async def test_reactivated_elsewhere_and_revoked_while_cloudflare_is_away(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    method: str,
    path: str,
) -> None:
    """The order is remembered, whatever was seen last."""
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    zone_of(sandbox).certificates[CERTIFICATE_ID].status = CertificateStatus.ACTIVE
    faults.unavailable(method, path)
    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE)
    await settle(hass)
    faults.clear()
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"


@pytest.mark.parametrize("is_removed", [False, True], ids=["revoked", "removed"])
async def test_revoked_again_within_a_minute(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    is_removed: bool,
) -> None:
    """That Cloudflare lists it as active is not taken for a list that lags behind."""
    await press(hass, REVOKE)
    await settle(hass)
    await wait_for_refresh(hass, freezer, SECONDS)
    faults.unavailable(
        "PATCH", f"/client_certificates/{CERTIFICATE_ID}", after_write=True
    )
    with pytest.raises(HomeAssistantError):
        await restoring(hass, ready)
    faults.clear()
    await settle(hass)
    await wait_for_refresh(hass, freezer, SECONDS)

    if is_removed:
        await remove_device(hass, ready)
    else:
        await press(hass, REVOKE)
    await look_often(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"


async def test_status_that_nobody_knows_while_rules_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A revocation that shows no effect is not repeated at once, and again, and again."""
    listed = zone_of(sandbox).certificates[CERTIFICATE_ID]
    stuck = property(lambda _: "suspended", lambda _, status: None)
    kind = type("Stuck", (type(listed),), {"status": stuck})
    monkeypatch.setattr(listed, "__class__", kind)
    faults.unavailable("GET", "/rulesets")
    faults.requests.clear()

    (device,) = ready.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(ready, device.subentry_id)
    for _ in range(5):
        await turn_often()

    assert [method for method, _ in faults.requests].count("DELETE") <= 2
    del zone_of(sandbox).certificates[CERTIFICATE_ID]
    await settle(hass)


async def test_refused_revocation_of_what_was_restored_without_an_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """*Revoke* came last, so it says that the certificate is valid, and it is revoked later."""
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    answer, listing = asyncio.Event(), asyncio.Event()
    patch = faults.add(
        "PATCH",
        f"/client_certificates/{CERTIFICATE_ID}",
        status=500,
        body=HTML_ERROR,
        after_write=True,
        hold=answer,
        times=1,
    )
    restored = restoring(hass, ready)
    await patch.until_hit()
    faults.refuse("DELETE", "/client_certificates", 400, 1400, "No")
    held = faults.add("GET", "/client_certificates", hold=listing, times=1)
    revoked = hass.async_create_task(press(hass, REVOKE))
    await held.until_hit()
    answer.set()
    with pytest.raises(HomeAssistantError):
        await restored
    listing.set()

    with pytest.raises(HomeAssistantError) as raised:
        await revoked
    await settle(hass)

    assert raised.value.translation_key == "revocation_incomplete"
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert reported(hass) == {"revocation_pending"}
    faults.clear()
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert reported(hass) == set()
