"""Tests of devices with the companion app: what the app reports, and how devices are notified."""

from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import act, settle, state_of, submit
from tests.dialogs import CHOSEN, add, certificates, code_in, handovers_of


def register(
    hass: HomeAssistant, registry: dr.DeviceRegistry, os_name: str, os_version: str
) -> str:
    """Register a device as its companion app does, and return its id."""
    entry = MockConfigEntry(
        domain="mobile_app",
        data={
            "device_name": "Anna's phone",
            "os_name": os_name,
            "os_version": os_version,
        },
    )
    entry.add_to_hass(hass)
    device = registry.async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={("mobile_app", "device")},
        name="Anna's phone",
    )
    return device.id


@pytest.fixture
def notifications(hass: HomeAssistant) -> list[ServiceCall]:
    """Return the notifications that the phone gets."""
    return async_mock_service(hass, "notify", "mobile_app_anna_s_phone")


@pytest.mark.parametrize(
    ("os_name", "os_version", "system", "advised"),
    [
        ("Android", "34", "android", "modern"),
        ("Android", "33", "android", "compatible"),
        ("iOS", "26.1", "ios", "modern"),
        ("iPadOS", "17.7", "ios", "compatible"),
        ("HarmonyOS", "5", "windows", "compatible"),
    ],
)
async def test_app_reports_system_and_version(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    hass_client_no_auth: ClientSessionGenerator,
    notifications: list[ServiceCall],
    os_name: str,
    os_version: str,
    system: str,
    advised: str,
) -> None:
    """System and bundle follow from the app's report; a choice counts only without one."""
    client = await hass_client_no_auth()
    device_id = register(hass, device_registry, os_name, os_version)
    chosen = {**CHOSEN, "system": "windows", "notify_device_id": device_id}
    del chosen["name"]

    result = await submit(hass, await add(hass, loaded_entry), chosen)
    url = result["description_placeholders"]["url"]
    path, _, token = url.removeprefix("http://192.168.1.10:8123").partition("#")
    taken = await (await client.post(path, data=token)).json()
    await submit(hass, result)

    assert taken["system"] == system
    assert taken["bundles"][0]["format"] == advised
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    assert subentry.title == "Anna's phone"
    assert subentry.data["notify_device_id"] == device_id
    assert state_of(hass, "sensor.anna_s_phone_certificate_status") == "active"


async def test_notification_holds_no_secret(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    hass_client_no_auth: ClientSessionGenerator,
    notifications: list[ServiceCall],
) -> None:
    """Its link needs the code, which only Home Assistant shows."""
    client = await hass_client_no_auth()
    device_id = register(hass, device_registry, "Android", "35")

    response = await act(
        hass,
        loaded_entry,
        "mint_certificate",
        name="Pixel 8",
        key_type="ec_p256",
        notify_device_id=device_id,
    )
    await settle(hass)

    (notification,) = notifications
    link = notification.data["data"]["url"]
    assert link == notification.data["data"]["clickAction"]
    assert link.startswith("/api/cloudflare_mtls/handover#")
    assert response["handover_url"] == f"http://192.168.1.10:8123{link}"
    (handover,) = handovers_of(hass)
    for secret in (handover.url.partition("#")[2], handover.code):
        assert secret not in str(notification.data)
    path, _, fragment = link.partition("#")
    answer = await client.post(path, data=fragment)
    assert answer.status == 404
    assert state_of(hass, "sensor.pixel_8_handover") == "waiting"


async def test_renewal_notifies_another_app(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    notifications: list[ServiceCall],
) -> None:
    """The person who renews a certificate chooses which app gets the link."""
    created = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    assert notifications == []
    device_id = register(hass, device_registry, "Android", "35")

    renewed = await act(
        hass,
        loaded_entry,
        "renew_certificate",
        certificate_id=created["certificate_id"],
        notify_device_id=device_id,
    )
    await settle(hass)

    (notification,) = notifications
    assert renewed["handover_url"].endswith(notification.data["data"]["url"])


async def test_notification_that_fails(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """The certificate is still created, and the response has the link."""

    def fail(call: ServiceCall) -> None:
        raise HomeAssistantError("the relay is down")

    hass.services.async_register("notify", "mobile_app_anna_s_phone", fail)
    device_id = register(hass, device_registry, "Android", "35")

    for name in ("Pixel 8", "Pixel 9"):
        response = await act(
            hass,
            loaded_entry,
            "mint_certificate",
            name=name,
            key_type="ec_p256",
            notify_device_id=device_id,
        )
        assert response["handover_url"]
        await settle(hass)
        # The second time there is no action to notify the device.
        hass.services.async_remove("notify", "mobile_app_anna_s_phone")
    assert list(certificates(sandbox).values()) == ["active", "active"]


async def test_without_the_companion_app(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """A device without the companion app is refused before anything is created."""
    device = device_registry.async_get_or_create(
        config_entry_id=loaded_entry.entry_id, identifiers={("lamp", "1")}
    )
    for device_id in (device.id, "nobody"):
        with pytest.raises(ServiceValidationError) as raised:
            await act(
                hass,
                loaded_entry,
                "mint_certificate",
                name="Pixel 8",
                notify_device_id=device_id,
            )
        assert raised.value.translation_key == "device_not_found"
    assert certificates(sandbox) == {}


async def test_device_that_is_gone_since(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    notifications: list[Any],
) -> None:
    """The certificate is renewed, and no notification is sent."""
    device_id = register(hass, device_registry, "Android", "35")
    chosen = {**CHOSEN, "notify_device_id": device_id}
    result = await submit(hass, await add(hass, loaded_entry), chosen)
    asked = result["description_placeholders"]["asked"]
    assert f"six-digit code **{code_in(result)}**" in asked
    await submit(hass, result)
    await settle(hass)
    notifications.clear()
    device_registry.async_remove_device(device_id)

    await hass.services.async_call(
        "button",
        "press",
        {"entity_id": "button.pixel_8_renew"},
        blocking=True,
    )

    assert notifications == []
    assert len(certificates(sandbox)) == 2
