"""Tests of the buttons: one syncs a hostname, others lock certificates out."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.helpers import DAY, pass_time

from .common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    HOSTNAME,
    act,
    add_known_certificate,
    companion,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    written_out,
    zone_of,
)
from .dialogs import (
    Client,
    certificates,
    fetch,
    link_of,
    renew_and_test,
    status_of_fetch,
)
from .faults import Faults

BUTTON = "button.home_mobile_example_com_sync"
REVOKE_OLD = "button.pixel_8_revoke_old"
REVOKE = "button.pixel_8_revoke"
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
    """Pressed once, it fixes everything, and tells so; pressed again, it writes nothing."""
    await setup_integration(hass, entry)
    events = async_capture_events(hass, "cloudflare_mtls_fixed")
    assert state_of(hass, DRIFT) == "on"

    await press(hass)

    assert state_of(hass, DRIFT) == "off"
    zone = sandbox.state.zones[sandbox.zone_id]
    assert BLOCK_REF in {rule.ref for rule in zone.rules}
    assert HOSTNAME in (zone.associations or ())
    (event,) = events
    assert event.data["hostname"] == HOSTNAME
    assert "block_rule" in [step["kind"] for step in event.data["steps"]]
    sandbox.journal.clear()
    await press(hass)
    assert sandbox.journal.writes == []
    assert events == [event]


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
    """Every certificate of the device is revoked, and no other; also if it is pressed again."""
    await add_known_certificate(hass, entry, sandbox)
    await add_known_certificate(hass, entry, sandbox, certificate_id="second")
    await add_known_certificate(
        hass, entry, sandbox, certificate_id="another", device_id="another"
    )
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
    writes = [item for item in sandbox.journal.writes if "client_c" in item.path]
    assert not [item for item in writes if item.took_effect]


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_revocation_that_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A refusal is shown in Cloudflare's words, the device still gets in, and a repair says so."""
    certificate = await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    faults.refuse("DELETE", "/client_certificates", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today") as raised:
        await press(hass, REVOKE)

    assert raised.value.translation_placeholders == {
        "name": "Pixel 8",
        "reason": "Cloudflare refused the request: Not today. Nothing else was changed.",
        "left": written_out(certificate.not_valid_after_utc),
    }
    assert state_of(hass, "sensor.pixel_8_certificate_status") == "revoking"
    await settle(hass)
    assert "revocation_pending" in reported(hass)

    # It stays to be revoked, also after a restart.
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert "revocation_pending" in reported(hass)
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "revoked"
    assert "revocation_pending" not in reported(hass)


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_revocation_that_fails_once(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """The other certificates of the device are still revoked, and the error names the one that is left."""
    for certificate_id, days in (("first", 100), ("second", 200), ("third", 300)):
        certificate = await add_known_certificate(
            hass, entry, sandbox, certificate_id=certificate_id, days=days
        )
        if certificate_id == "first":
            left = certificate.not_valid_after_utc
    await setup_integration(hass, entry)
    faults.refuse("DELETE", "/first$", 400, 1234, "Not today")

    with pytest.raises(HomeAssistantError, match="Not today") as raised:
        await press(hass, REVOKE)

    assert raised.value.translation_key == "revocation_incomplete"
    assert raised.value.translation_placeholders
    assert raised.value.translation_placeholders["left"] == written_out(left)
    certificates = zone_of(sandbox).certificates
    assert {key: item.status for key, item in certificates.items()} == {
        "first": "active",
        "second": "revoked",
        "third": "revoked",
    }


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_revocation_of_what_home_assistant_has_not_seen_yet(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """The list is read again: a certificate that is newer than it is revoked too."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await add_known_certificate(hass, entry, sandbox, certificate_id="newer")

    await press(hass, REVOKE)

    certificates = zone_of(sandbox).certificates
    assert {key: item.status for key, item in certificates.items()} == {
        CERTIFICATE_ID: "revoked",
        "newer": "revoked",
    }


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_revocation_without_a_list(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """What is known of the device is revoked, and the error says that there may be more."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    faults.unavailable("GET", "/client_certificates")

    with pytest.raises(HomeAssistantError, match="may have other certificates"):
        await press(hass, REVOKE)

    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "revoked"


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_restored_after_a_refused_revocation(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A person changed their mind: the certificate is not revoked later."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    faults.refuse("DELETE", "/client_certificates", 400, 1234, "Not today")
    with pytest.raises(HomeAssistantError, match="Not today"):
        await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    assert "revocation_pending" in reported(hass)

    await act(hass, entry, "restore_certificate", certificate_id=CERTIFICATE_ID)
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert zone_of(sandbox).certificates[CERTIFICATE_ID].status == "active"
    assert "revocation_pending" not in reported(hass)


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_revocation_with_a_waiting_bundle_while_cloudflare_is_away(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The bundle is withdrawn first, whatever Cloudflare says."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    client = await hass_client_no_auth()
    created = await act(hass, entry, "renew_certificate", certificate_id=CERTIFICATE_ID)
    link = link_of(hass, created)
    faults.unavailable("*", "")

    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE)

    assert await status_of_fetch(client, link) == 404


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
        await add_known_certificate(hass, entry, sandbox)
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
        await fetch(client, link_of(hass, renewed))
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
