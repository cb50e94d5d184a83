"""Tests of certificates that a person ordered revoked, and that still get in: they replace no good one."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    ENGLISH,
    act,
    reported,
    settle,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import (
    Client,
    certificates,
    fetch,
    link_of,
    renew_and_test,
    run_test,
    token_of_test,
)
from tests.faults import Faults

from .creating import REVOKE, press, renew
from .helpers import DAY, EXPIRY, HANDOVER, PROBLEM, STATUS, look_often, trusted
from .test_pinning import choose_pinning
from .test_restore_button import RESTORE

pytestmark = with_device

REVOKE_OLD = "button.pixel_8_revoke_old"


@pytest.fixture
async def phone(
    ready: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> Client:
    """Return the browser of a phone that is not logged in."""
    return await hass_client_no_auth()


async def refuse_to_revoke(
    hass: HomeAssistant, entry: MockConfigEntry, faults: Faults, certificate_id: str
) -> None:
    """Order that a certificate is revoked, which Cloudflare refuses from then on."""
    path = f"/client_certificates/{certificate_id}"
    faults.refuse("DELETE", path, 400, 1400, "No")
    with pytest.raises(HomeAssistantError):
        await act(hass, entry, "revoke_certificate", certificate_id=certificate_id)
    await settle(hass)


async def pass_days(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let more time pass than a replaced certificate is kept."""
    for _ in range(9):
        await wait_for_refresh(hass, freezer, DAY)


@pytest.mark.parametrize("pins", [False, True], ids=["any", "pinned"])
async def test_reactivated_elsewhere(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    phone: Client,
    pins: bool,
) -> None:
    """Somebody reactivates the leaked one: the device keeps the one that it uses."""
    await choose_pinning(hass, ready, pins=pins)
    renewed = await renew_and_test(hass, phone, ready, CERTIFICATE_ID)
    leaked = renewed["certificate_id"]
    expires_on = zone_of(sandbox).certificates[CERTIFICATE_ID].certificate
    await act(hass, ready, "revoke_certificate", certificate_id=leaked)
    await pass_days(hass, freezer)

    zone_of(sandbox).certificates[leaked].status = CertificateStatus.ACTIVE
    await look_often(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert await trusted(hass, ready) == {CERTIFICATE_ID: True, leaked: False}
    assert state_of(hass, STATUS) == "active"
    assert state_of(hass, EXPIRY) == expires_on.not_valid_after_utc.isoformat()
    assert state_of(hass, HANDOVER) == "unknown"
    assert state_of(hass, REVOKE_OLD) == "unavailable"


async def test_refused_for_days(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    phone: Client,
) -> None:
    """As long as Cloudflare refuses to revoke the leaked one, the other one is not revoked either."""
    renewed = await renew_and_test(hass, phone, ready, CERTIFICATE_ID)
    assert state_of(hass, REVOKE_OLD) != "unavailable"
    await refuse_to_revoke(hass, ready, faults, renewed["certificate_id"])
    assert state_of(hass, REVOKE_OLD) == "unavailable"

    await pass_days(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert state_of(hass, STATUS) == "active"
    assert reported(hass) == {"revocation_pending"}


async def test_order_with_a_date(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    phone: Client,
) -> None:
    """The date on which the new one replaces the old one counts no more."""
    renewed = await act(
        hass,
        ready,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
        revoke_old_after=1,
    )
    await fetch(phone, link_of(hass, renewed))
    await refuse_to_revoke(hass, ready, faults, renewed["certificate_id"])

    await pass_days(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"


async def test_tested_by_its_holder(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    phone: Client,
) -> None:
    """The page does not say that it works, and what it showed proves nothing once it is restored."""
    renewed = await renew(hass, ready)
    fetched = await fetch(phone, link_of(hass, renewed))
    await settle(hass)
    await refuse_to_revoke(hass, ready, faults, renewed["certificate_id"])

    said = await run_test(phone, token_of_test(fetched))

    assert said == ENGLISH["common"]["proof_unknown"]
    await act(
        hass, ready, "restore_certificate", certificate_id=renewed["certificate_id"]
    )
    assert state_of(hass, HANDOVER) == "taken"
    await pass_days(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"


async def test_only_one_is_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its status says that it is being revoked; a person can take the order back."""
    faults.unavailable("DELETE", "/client_certificates")
    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE)
    await look_often(hass, freezer)
    assert certificates(sandbox) == {CERTIFICATE_ID: "active"}
    assert state_of(hass, STATUS) == "revoking"
    assert state_of(hass, PROBLEM) == "off"

    await press(hass, RESTORE)
    await settle(hass)
    faults.clear()
    await look_often(hass, freezer)

    assert certificates(sandbox) == {CERTIFICATE_ID: "active"}
    assert state_of(hass, STATUS) == "active"
    assert reported(hass) == set()


async def test_only_one_is_reactivated_elsewhere(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing is said of the device before a person confirms its certificate."""
    await press(hass, REVOKE)
    await look_often(hass, freezer)
    assert state_of(hass, STATUS) == "revoked"

    zone_of(sandbox).certificates[CERTIFICATE_ID].status = CertificateStatus.ACTIVE
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert state_of(hass, STATUS) == state_of(hass, EXPIRY) == "unknown"
    assert state_of(hass, PROBLEM) == "unknown"
    assert state_of(hass, RESTORE) == "unavailable"
    assert "unknown_certificates" in reported(hass)


async def test_good_one_expires(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    phone: Client,
) -> None:
    """The repair appears, although one that somebody reactivated still gets in."""
    renewed = await act(
        hass,
        ready,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
        validity_days=3650,
    )
    await fetch(phone, link_of(hass, renewed))
    leaked = renewed["certificate_id"]
    await act(hass, ready, "revoke_certificate", certificate_id=leaked)
    await look_often(hass, freezer)
    zone_of(sandbox).certificates[leaked].status = CertificateStatus.ACTIVE
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    await wait_for_refresh(hass, freezer, 400 * DAY)

    assert state_of(hass, STATUS) == "expired"
    assert "certificate_expired" in reported(hass)
