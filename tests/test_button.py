"""Tests of the buttons: one syncs a hostname, one locks a device out."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox

from .common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    HOSTNAME,
    add_known_certificate,
    companion,
    settle,
    setup_integration,
    state_of,
    zone_of,
)
from .faults import Faults

BUTTON = "button.home_mobile_example_com_sync"
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
    assert not [item for item in sandbox.journal.writes if "client_c" in item.path]


@pytest.mark.parametrize("devices", [[companion()]], ids=["with device"])
async def test_revocation_that_fails(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """A refusal is shown in Cloudflare's words, and the device still gets in."""
    await add_known_certificate(hass, entry, sandbox)
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
        await add_known_certificate(hass, entry, sandbox, certificate_id=certificate_id)
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
