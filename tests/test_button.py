"""Tests of the buttons: one syncs a hostname, others lock certificates out."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.helpers import DAY, pass_time

from .common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    HOSTNAME,
    act,
    add_certificate,
    companion,
    settle,
    setup_integration,
    state_of,
    zone_of,
)
from .dialogs import Client, certificates, fetch, renew_and_test
from .faults import Faults

BUTTON = "button.home_mobile_example_com_sync"
REVOKE_OLD = "button.pixel_8_revoke_old_certificate"
REVOKE = "button.pixel_8_revoke_certificate"
DRIFT = "binary_sensor.home_mobile_example_com_drift"


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a hostname that is not kept in sync."""
    return {**settings, "keep_in_sync": False}


async def press(hass: HomeAssistant, button: str = BUTTON) -> None:
    """Press a button."""
    await hass.services.async_call(
        "button", "press", {"entity_id": button}, blocking=True
    )
    await settle(hass)


async def test_drift_is_fixed_at_once(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Pressed once, it fixes everything; pressed again, it writes nothing."""
    await setup_integration(hass, entry)
    assert state_of(hass, DRIFT) == "on"

    await press(hass)

    assert state_of(hass, DRIFT) == "off"
    zone = sandbox.state.zones[sandbox.zone_id]
    assert BLOCK_REF in {rule.ref for rule in zone.rules}
    assert HOSTNAME in (zone.associations or ())
    sandbox.journal.clear()
    await press(hass)
    assert sandbox.journal.writes == []


async def test_fixing_that_fails(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """A refusal is shown in Cloudflare's words, and the drift stays visible."""
    await setup_integration(hass, entry)
    faults.refuse("PUT", "/hostname_associations", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today"):
        await press(hass)

    assert state_of(hass, DRIFT) == "on"


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_device_is_locked_out_at_once(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Every certificate of the device is revoked, and no other."""
    await add_certificate(sandbox)
    await add_certificate(sandbox, certificate_id="second")
    await add_certificate(sandbox, certificate_id="another", device_id="another")
    await setup_integration(hass, entry)

    await press(hass, REVOKE)

    certificates = zone_of(sandbox).certificates
    assert {key: item.status for key, item in certificates.items()} == {
        CERTIFICATE_ID: "revoked",
        "second": "revoked",
        "another": "active",
    }
    assert state_of(hass, "sensor.pixel_8_certificate_status") in (
        "revoking",
        "revoked",
    )
    sandbox.journal.clear()
    await press(hass, REVOKE)
    assert not [item for item in sandbox.journal.writes if "client_c" in item.path]


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_revocation_that_fails(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """A refusal is shown in Cloudflare's words, and the device still gets in."""
    await add_certificate(sandbox)
    await setup_integration(hass, entry)
    faults.refuse("DELETE", "/client_certificates", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today"):
        await press(hass, REVOKE)

    assert state_of(hass, "sensor.pixel_8_certificate_status") == "active"


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_revocation_that_fails_once(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """The other certificates of the device are still revoked."""
    for certificate_id in ("first", "second", "third"):
        await add_certificate(sandbox, certificate_id=certificate_id)
    await setup_integration(hass, entry)
    faults.refuse("DELETE", "/second$", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today"):
        await press(hass, REVOKE)

    certificates = zone_of(sandbox).certificates
    assert {key: item.status for key, item in certificates.items()} == {
        "first": "revoked",
        "second": "active",
        "third": "revoked",
    }


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
class TestRevokeOldCertificate:
    """The button that ends the week in which a replaced certificate is kept."""

    @pytest.fixture
    async def client(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        entry: MockConfigEntry,
        hass_client_no_auth: ClientSessionGenerator,
    ) -> Client:
        """Set up a device with a certificate, and return its browser."""
        await add_certificate(sandbox)
        await setup_integration(hass, entry)
        return await hass_client_no_auth()

    async def test_it_is_there_while_one_is_kept(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        client: Client,
        entry: MockConfigEntry,
    ) -> None:
        """Only the old one is revoked, at once."""
        assert state_of(hass, REVOKE_OLD) == "unavailable"
        renewed = await renew_and_test(hass, client, entry, CERTIFICATE_ID)
        assert state_of(hass, REVOKE_OLD) == "unknown"
        assert set(certificates(sandbox).values()) == {"active"}

        await press(hass, REVOKE_OLD)

        assert certificates(sandbox) == {
            CERTIFICATE_ID: "revoked",
            renewed["certificate_id"]: "active",
        }
        assert state_of(hass, REVOKE_OLD) == "unavailable"
        assert state_of(hass, "sensor.pixel_8_certificate_status") == "active"

    async def test_it_is_not_there_before_the_test(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        client: Client,
        entry: MockConfigEntry,
    ) -> None:
        """The device may still need the old one; pressing changes nothing."""
        renewed = await act(
            hass,
            entry,
            "renew_certificate",
            certificate_id=CERTIFICATE_ID,
            revoke_old_after=30,
        )
        await settle(hass)
        await fetch(client, renewed["handover_url"])
        await settle(hass)

        await press(hass, REVOKE_OLD)

        assert state_of(hass, REVOKE_OLD) == "unavailable"
        assert set(certificates(sandbox).values()) == {"active"}

    async def test_it_goes_once_the_old_one_is_revoked(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        client: Client,
        entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """A week later that happens by itself."""
        await renew_and_test(hass, client, entry, CERTIFICATE_ID)

        await pass_time(hass, freezer, 7 * DAY)

        assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
        assert state_of(hass, REVOKE_OLD) == "unavailable"

    async def test_refusal(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        faults: Faults,
        client: Client,
        entry: MockConfigEntry,
    ) -> None:
        """It is shown in Cloudflare's words, and the button stays."""
        await renew_and_test(hass, client, entry, CERTIFICATE_ID)
        faults.refuse("DELETE", "/client_certificates", 400, 1234, "Not today")

        with pytest.raises(HomeAssistantError, match="Not today"):
            await press(hass, REVOKE_OLD)

        assert certificates(sandbox)[CERTIFICATE_ID] == "active"
        assert state_of(hass, REVOKE_OLD) != "unavailable"
