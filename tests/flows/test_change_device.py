"""Tests of the dialog that changes a companion device without giving it a new certificate."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from sandbox import Sandbox
from tests.certificates.helpers import open_repairs
from tests.certificates.test_mobile_app import register
from tests.common import (
    CERTIFICATE_ID,
    COMPANION_ID,
    act,
    add_known_certificate,
    device_id_of,
    sentences,
    settle,
    setup_integration,
    submit,
    with_device,
    zone_of,
)
from tests.dialogs import certificates
from tests.faults import Faults

pytestmark = with_device

OF = "config_subentries.companion_device"
CHANGED = {"name": "Anna's phone", "system": "ios"}


@pytest.fixture
async def home(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account with a device, whose certificate expires soon."""
    await add_known_certificate(hass, entry, sandbox, days=40)
    await setup_integration(hass, entry)
    sandbox.journal.clear()
    return entry


async def gear(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Open the menu of the device."""
    return await entry.start_subentry_reconfigure_flow(hass, COMPANION_ID)


async def to_change(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Go from the menu to the form with name, system and device to notify."""
    result = await gear(hass, entry)
    return await submit(hass, result, {"next_step_id": "change"})


def name_of_device(hass: HomeAssistant, entry: MockConfigEntry) -> str | None:
    """Return what the device is called in Home Assistant."""
    device = dr.async_get(hass).async_get(device_id_of(hass, entry))
    assert device
    return device.name


async def test_gear_offers_both(hass: HomeAssistant, home: MockConfigEntry) -> None:
    """Who only wants another name need not renew."""
    result = await gear(hass, home)

    assert (result["type"], result["menu_options"]) == (
        FlowResultType.MENU,
        ["renew", "change"],
    )
    assert result["description_placeholders"] == {"name": "Pixel 8"}


async def test_change(
    hass: HomeAssistant,
    sandbox: Sandbox,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
    home: MockConfigEntry,
) -> None:
    """Home Assistant follows, and Cloudflare is not asked for anything."""
    phone = register(hass, device_registry, "iOS", "18")
    before = {
        item.unique_id: item.entity_id
        for item in er.async_entries_for_config_entry(entity_registry, home.entry_id)
    }
    result = await to_change(hass, home)
    suggested = {
        str(key): key.description["suggested_value"]
        for key in result["data_schema"].schema
    }
    # With one hostname, there is nothing to choose.
    assert suggested == {
        "name": "Pixel 8",
        "system": "android",
        "notify_device_id": None,
    }

    result = await submit(hass, result, {**CHANGED, "notify_device_id": phone})

    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "device_changed",
    )
    subentry = home.subentries[COMPANION_ID]
    assert subentry.title == "Anna's phone"
    assert dict(subentry.data) == {
        "name": "Anna's phone",
        "system": "ios",
        "zone_id": sandbox.zone_id,
        "hostname": None,
        "notify_device_id": phone,
    }
    assert sandbox.journal.requests == []
    assert name_of_device(hass, home) == "Anna's phone"
    assert open_repairs(hass)["certificate_expiring"]["name"] == "Anna's phone"  # type: ignore[index]
    # Automations and dashboards go on.
    assert before == {
        item.unique_id: item.entity_id
        for item in er.async_entries_for_config_entry(entity_registry, home.entry_id)
    }


async def test_device_to_notify_is_taken_away(
    hass: HomeAssistant, device_registry: dr.DeviceRegistry, home: MockConfigEntry
) -> None:
    phone = register(hass, device_registry, "iOS", "18")
    await submit(
        hass,
        await to_change(hass, home),
        {**CHANGED, "notify_device_id": phone},
    )

    result = await submit(hass, await to_change(hass, home), CHANGED)

    assert result["reason"] == "device_changed"
    assert home.subentries[COMPANION_ID].data["notify_device_id"] is None


async def test_watch_that_is_told_through_its_phone(
    hass: HomeAssistant, device_registry: dr.DeviceRegistry, home: MockConfigEntry
) -> None:
    """The system is that of the device, not that of the app that is notified."""
    phone = register(hass, device_registry, "Android", "35")
    chosen = {"name": "Watch", "system": "wear_os", "notify_device_id": phone}

    await submit(hass, await to_change(hass, home), chosen)

    assert home.subentries[COMPANION_ID].data["system"] == "wear_os"


async def test_drift_is_not_fixed_because_of_a_name(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """What somebody has just changed at Cloudflare is found by the next refresh, as ever."""
    zone_of(sandbox).associations = []

    await submit(hass, await to_change(hass, home), CHANGED)

    assert sandbox.journal.requests == []


async def test_cloudflare_does_not_answer(
    hass: HomeAssistant, faults: Faults, home: MockConfigEntry
) -> None:
    faults.unavailable("*", "")

    result = await submit(hass, await to_change(hass, home), CHANGED)

    assert result["reason"] == "device_changed"
    assert home.subentries[COMPANION_ID].title == "Anna's phone"


@pytest.mark.parametrize("obstacle", ["entry_not_loaded", "no_local_url"])
async def test_obstacles_of_a_renewal(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry, obstacle: str
) -> None:
    """They stop no change of a name; the name is shown once the account is loaded."""
    if obstacle == "no_local_url":
        await hass.config.async_update(
            internal_url=None, external_url="https://home.example.com"
        )
        hass.config.api = None
    else:
        await hass.config_entries.async_unload(home.entry_id)

    result = await submit(hass, await to_change(hass, home), CHANGED)

    assert result["reason"] == "device_changed"
    if obstacle == "entry_not_loaded":
        await hass.config_entries.async_setup(home.entry_id)
        await settle(hass)
    assert name_of_device(hass, home) == "Anna's phone"


@pytest.mark.parametrize("name", ["", " ", "ü" * 251, "\u202e"])
async def test_name_that_no_certificate_can_carry(
    hass: HomeAssistant, home: MockConfigEntry, name: str
) -> None:
    """The form says so and keeps the rest, and nothing is changed."""
    result = await submit(hass, await to_change(hass, home), {**CHANGED, "name": name})

    assert result["step_id"] == "change"
    assert "This name is empty or too long" in sentences(result, OF)["base"]
    assert home.subentries[COMPANION_ID].title == "Pixel 8"
    assert name_of_device(hass, home) == "Pixel 8"

    result = await submit(hass, result, CHANGED)
    assert result["reason"] == "device_changed"


@pytest.mark.parametrize("gone", ["device", "account"])
@pytest.mark.parametrize("when", ["menu", "form"])
async def test_removed_meanwhile(
    hass: HomeAssistant, home: MockConfigEntry, gone: str, when: str
) -> None:
    """The dialog ends with the reason."""
    result = await (gear if when == "menu" else to_change)(hass, home)
    if gone == "device":
        hass.config_entries.async_remove_subentry(home, COMPANION_ID)
    else:
        await hass.config_entries.async_remove(home.entry_id)
    await settle(hass)

    result = await submit(
        hass, result, {"next_step_id": "change"} if when == "menu" else CHANGED
    )

    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "device_gone")


async def test_changed_in_another_tab(
    hass: HomeAssistant, device_registry: dr.DeviceRegistry, home: MockConfigEntry
) -> None:
    """Each tab changes what its person changed, and nothing that they only saw."""
    phone = register(hass, device_registry, "iOS", "18")
    first = await to_change(hass, home)
    second = await to_change(hass, home)
    await submit(
        hass,
        second,
        {"name": "Pixel 8", "system": "ios", "notify_device_id": phone},
    )

    result = await submit(hass, first, {"name": "Anna's phone", "system": "android"})

    assert result["reason"] == "device_changed"
    subentry = home.subentries[COMPANION_ID]
    assert subentry.title == "Anna's phone"
    assert subentry.data["system"] == "ios"
    assert subentry.data["notify_device_id"] == phone


async def test_hostile_name(hass: HomeAssistant, home: MockConfigEntry) -> None:
    """The device has it as it was typed; it is quoted where it stands in a sentence."""
    evil = "A `phone`"

    await submit(hass, await to_change(hass, home), {**CHANGED, "name": evil})

    assert name_of_device(hass, home) == evil


async def test_next_certificate_carries_the_new_name(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry
) -> None:
    """The one that the device has keeps working, and its events have the new name too."""
    events = async_capture_events(hass, "cloudflare_mtls_certificate")
    await submit(hass, await to_change(hass, home), CHANGED)
    assert certificates(sandbox) == {CERTIFICATE_ID: "active"}

    renewed = await act(hass, home, "renew_certificate", certificate_id=CERTIFICATE_ID)
    await act(hass, home, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)

    created = zone_of(sandbox).certificates[renewed["certificate_id"]]
    assert "CN=Anna's phone" in created.certificate.subject.rfc4514_string()
    assert [event.data["name"] for event in events] == ["Anna's phone"] * 2


async def test_revocation_that_is_still_to_come(
    hass: HomeAssistant, faults: Faults, home: MockConfigEntry
) -> None:
    """Its repair names the device as everybody calls it now."""
    faults.refuse("DELETE", "/client_certificates", 400, 1234, "Not today")
    with pytest.raises(HomeAssistantError, match="Not today"):
        await act(hass, home, "revoke_certificate", certificate_id=CERTIFICATE_ID)

    await submit(hass, await to_change(hass, home), CHANGED)

    assert open_repairs(hass)["revocation_pending"] == {"name": "Anna's phone"}


async def test_renamed_in_the_menu_of_home_assistant(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """The name that a person sees in the list of devices is the name everywhere."""
    assert await async_setup_component(hass, "config", {})
    socket = await hass_ws_client(hass)
    await socket.send_json_auto_id(
        {
            "type": "config_entries/subentries/update",
            "entry_id": home.entry_id,
            "subentry_id": COMPANION_ID,
            "title": "Anna's phone",
        }
    )
    assert (await socket.receive_json())["success"]
    await settle(hass)

    assert open_repairs(hass)["certificate_expiring"]["name"] == "Anna's phone"  # type: ignore[index]
    assert name_of_device(hass, home) == "Anna's phone"
    assert (await gear(hass, home))["description_placeholders"] == {
        "name": "Anna's phone"
    }
    assert sandbox.journal.requests == []
