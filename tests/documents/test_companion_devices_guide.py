"""A walk through the guide to devices: set up, renewed, revoked, restored, and taken over."""

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import act, add_certificate, reported, settle, state_of, submit
from tests.dialogs import (
    CHOSEN,
    ENGLISH,
    RENEWED,
    add,
    certificates,
    fetch,
    renew,
    run_test,
    token_of_test,
)

SETUP = "sensor.pixel_8_handover"


async def press(hass: HomeAssistant, button: str) -> None:
    """Press a button of the device."""
    entity = {"entity_id": f"button.pixel_8_{button}"}
    await hass.services.async_call("button", "press", entity, blocking=True)
    await settle(hass)


async def test_walk(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Each part of the guide, one after the other."""
    device = await hass_client_no_auth()
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    fetched = await fetch(device, result["description_placeholders"]["url"])
    said = await run_test(device, token_of_test(fetched))
    assert said == ENGLISH["common"]["proof_done"]
    await settle(hass)
    assert state_of(hass, SETUP) == "proven"
    await submit(hass, result)

    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    result = await renew(hass, loaded_entry, subentry.subentry_id)
    result = await submit(hass, result, RENEWED)
    fetched = await fetch(device, result["description_placeholders"]["url"])
    said = await run_test(device, token_of_test(fetched))
    assert said == ENGLISH["common"]["proof_renewed"]
    await settle(hass)
    await press(hass, "revoke_old")
    old, new = certificates(sandbox).values()
    assert (old is CertificateStatus.ACTIVE, new) == (False, CertificateStatus.ACTIVE)

    await press(hass, "revoke")
    assert state_of(hass, "sensor.pixel_8_certificate_status") in (
        "revoking",
        "revoked",
    )
    await press(hass, "restore")
    assert state_of(hass, "sensor.pixel_8_certificate_status") == "active"


async def test_unknown_certificates(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A repair lists one, and the dialog that adds a device offers to take it over."""
    await add_certificate(sandbox, name="Old phone", device_id="?")
    await act(hass, loaded_entry, "sync")
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)
    assert "unknown_certificates" in reported(hass)

    menu = await add(hass, loaded_entry)

    assert set(menu["menu_options"]) == {"new", "adopt"}
