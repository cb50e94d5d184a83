"""Tests of the button that makes a device's revoked certificate valid again."""

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    add_known_certificate,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import certificates, fetch, link_of, renew_and_test
from tests.faults import Faults
from tests.test_button import press

from .helpers import DAY, STATUS, pass_time, told

pytestmark = with_device

RESTORE = "button.pixel_8_restore"
REVOKE = "button.pixel_8_revoke"


@pytest.fixture
async def home(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account with a device and its certificate."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    return entry


async def test_revocation_is_taken_back(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    events: list[Event],
) -> None:
    """The button is available only while the certificate is revoked, and automations are told of both."""
    assert state_of(hass, RESTORE) == "unavailable"
    await press(hass, RESTORE)
    await press(hass, REVOKE)
    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked"}
    assert state_of(hass, RESTORE) != "unavailable"

    await press(hass, RESTORE)

    assert certificates(sandbox) == {CERTIFICATE_ID: "active"}
    assert state_of(hass, STATUS) == "active"
    assert state_of(hass, RESTORE) == "unavailable"
    assert told(events) == ["revoked", "restored"]


async def test_refusal(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, home: MockConfigEntry
) -> None:
    """It is shown in Cloudflare's words, the device stays out, and the button stays."""
    await press(hass, REVOKE)
    faults.refuse("PATCH", "/client_certificates", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today"):
        await press(hass, RESTORE)

    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked"}
    assert state_of(hass, STATUS) == "revoked"
    assert state_of(hass, RESTORE) != "unavailable"


async def test_certificate_that_expired_after_it_was_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """To restore it would let nobody in."""
    await press(hass, REVOKE)

    await pass_time(hass, freezer, 400 * DAY)

    assert state_of(hass, STATUS) == "revoked"
    assert state_of(hass, RESTORE) == "unavailable"


async def test_certificate_that_a_newer_one_replaced(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The device uses the newer one, so there is nothing to restore, and later only that one."""
    client = await hass_client_no_auth()
    renewed = await renew_and_test(hass, client, home, CERTIFICATE_ID)
    await pass_time(hass, freezer, 7 * DAY)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert state_of(hass, RESTORE) == "unavailable"
    await press(hass, REVOKE)

    await press(hass, RESTORE)

    assert certificates(sandbox) == {
        CERTIFICATE_ID: "revoked",
        renewed["certificate_id"]: "active",
    }


@pytest.mark.parametrize("fetched", [True, False], ids=["fetched", "never fetched"])
async def test_certificate_that_the_device_holds(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    fetched: bool,
) -> None:
    """The one that it never fetched would not let it in."""
    renewed = await act(hass, home, "renew_certificate", certificate_id=CERTIFICATE_ID)
    if fetched:
        await fetch(await hass_client_no_auth(), link_of(hass, renewed))
    await press(hass, REVOKE)

    await press(hass, RESTORE)

    assert certificates(sandbox) == {
        CERTIFICATE_ID: "revoked" if fetched else "active",
        renewed["certificate_id"]: "active" if fetched else "revoked",
    }


async def test_certificate_that_somebody_revoked_at_cloudflare(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    zone_of(sandbox).certificates[CERTIFICATE_ID].status = "revoked"  # type: ignore[assignment]
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    await press(hass, RESTORE)

    assert certificates(sandbox) == {CERTIFICATE_ID: "active"}


async def test_button_without_the_permission(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """A token that may only read gets a refusal, which names the permission."""
    await press(hass, REVOKE)
    token = sandbox.state.tokens[sandbox.token]
    token.permissions = (token.permissions - {"ssl:edit"}) | {"ssl:read"}

    with pytest.raises(HomeAssistantError, match="SSL and Certificates"):
        await press(hass, RESTORE)

    assert certificates(sandbox) == {CERTIFICATE_ID: "revoked"}


@pytest.mark.parametrize("by_action", [True, False], ids=["here", "elsewhere"])
async def test_certificate_that_leaked_stays_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
    by_action: bool,
) -> None:
    """The newer one was revoked by itself; the button brings back what the device used after that."""
    phone = await hass_client_no_auth()
    leaked = (await renew_and_test(hass, phone, home, CERTIFICATE_ID))["certificate_id"]
    if by_action:
        await act(hass, home, "revoke_certificate", certificate_id=leaked)
    zone_of(sandbox).certificates[leaked].status = CertificateStatus.REVOKED
    await pass_time(hass, freezer, 2 * DAY)
    await press(hass, REVOKE)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    await press(hass, RESTORE)

    assert certificates(sandbox) == {leaked: "revoked", CERTIFICATE_ID: "active"}
    assert state_of(hass, STATUS) == "active"


async def test_nobody_knows_which_one_the_device_used(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Somebody revoked both elsewhere: the button is not offered, the action names one."""
    phone = await hass_client_no_auth()
    await renew_and_test(hass, phone, home, CERTIFICATE_ID)
    for certificate in zone_of(sandbox).certificates.values():
        certificate.status = CertificateStatus.REVOKED
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, STATUS) == "revoked"
    assert state_of(hass, RESTORE) == "unavailable"

    await act(hass, home, "restore_certificate", certificate_id=CERTIFICATE_ID)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
