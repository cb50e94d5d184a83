"""What a person does to create, renew or revoke a certificate, and what is there afterwards."""

from collections.abc import Coroutine
from typing import Any

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import CERTIFICATE_ID, act
from tests.dialogs import certificates

REVOKE = "button.pixel_8_revoke"
RENEW = "button.pixel_8_renew"


def mint(hass: HomeAssistant, entry: MockConfigEntry) -> Coroutine[Any, Any, Any]:
    """Create a certificate for a new device."""
    return act(hass, entry, "mint_certificate", name="Tablet", key_type="ec_p256")


def renew(hass: HomeAssistant, entry: MockConfigEntry) -> Coroutine[Any, Any, Any]:
    """Renew the certificate that the device uses."""
    return act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
    )


async def press(hass: HomeAssistant, button: str) -> None:
    """Press a button, and wait for nothing but that."""
    await hass.services.async_call(
        "button", "press", {"entity_id": button}, blocking=True
    )


def active(sandbox: Sandbox) -> set[str]:
    """Return the ids of the certificates that get in."""
    return {key for key, status in certificates(sandbox).items() if status == "active"}


def names(entry: MockConfigEntry) -> list[str]:
    """Return the names of the companion devices."""
    devices = entry.get_subentries_of_type("companion_device")
    return [device.title for device in devices]
