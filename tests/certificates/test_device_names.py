"""Names of companion devices: Home Assistant calls a device what its owner calls it."""

from typing import Any

from cryptography.x509.oid import NameOID
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.util.ulid import ulid_now
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.engine.certificates.companions import (
    CompanionDevice,
)
from custom_components.cloudflare_mtls.engine.certificates.systems import System
from custom_components.cloudflare_mtls.pages.handovers import (
    Delivery,
    async_get_handovers,
)
from custom_components.cloudflare_mtls.subentries import companion_subentry
from sandbox import Sandbox
from tests.common import act, add_certificate, sentences, settle, submit, zone_of
from tests.dialogs import CHOSEN, add, certificates, handovers_of

OF = "config_subentries.companion_device"
NAMES = {
    "Mum's iPad \U0001f468\u200d\U0001f469\u200d\U0001f467": "Mum's iPad \U0001f468\U0001f469\U0001f467",
    "Télé 📱": "Télé 📱",
    "リビングルームのタブレット・キッチン用バックアップ": "リビングルームのタブレット・キッチン用バッ",
    "Телефон из комнаты для гостей наверху": "Телефон из комнаты для гостей наве",
    "Galaxy Tab S9 FE+ 5G of the guest room upstairs (charging station, do not move)": (
        "Galaxy Tab S9 FE+ 5G of the guest room upstairs (charging statio"
    ),
    "שלי \u200fiPhone": "שלי iPhone",
}
each_name = pytest.mark.parametrize(("name", "carried"), NAMES.items())


def carried_names(sandbox: Sandbox) -> list[str]:
    """Return the names in the certificates at Cloudflare."""
    return [
        str(attribute.value)
        for item in zone_of(sandbox).certificates.values()
        for attribute in item.certificate.subject.get_attributes_for_oid(
            NameOID.COMMON_NAME
        )
    ]


def device_names(registry: dr.DeviceRegistry) -> set[str | None]:
    """Return the names of the devices of the integration."""
    return {
        device.name
        for device in registry.devices
        if any(domain == DOMAIN for domain, _ in device.identifiers)
    }


@each_name
async def test_name_that_is_typed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    name: str,
    carried: str,
) -> None:
    """The dialog takes a name as people type it, and the certificate carries what fits."""
    chosen = {**CHOSEN, "name": f" {name} "}
    result = await submit(hass, await add(hass, loaded_entry), chosen)

    assert result["step_id"] == "handover"
    await settle(hass)
    assert name in device_names(device_registry)
    assert carried_names(sandbox) == [carried]


@each_name
async def test_name_in_an_action(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    name: str,
    carried: str,
) -> None:
    """Automations name devices as dialogs do, and a renewal carries the same name."""
    created = await act(hass, loaded_entry, "mint_certificate", name=name)
    await act(
        hass,
        loaded_entry,
        "renew_certificate",
        certificate_id=created["certificate_id"],
    )
    await settle(hass)

    assert name in device_names(device_registry)
    assert carried_names(sandbox) == [carried] * 2
    assert len(handovers_of(hass)) == 1


async def test_name_of_the_companion_app(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """Nobody typed the name that an app reports."""
    entry = MockConfigEntry(domain="mobile_app", data={"os_name": "iOS"})
    entry.add_to_hass(hass)
    name, carried = next(iter(NAMES.items()))
    device = device_registry.async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={("mobile_app", "device")},
        name=name,
    )
    chosen = {key: value for key, value in CHOSEN.items() if key != "name"}

    result = await submit(
        hass, await add(hass, loaded_entry), {**chosen, "notify_device_id": device.id}
    )

    assert result["step_id"] == "handover"
    await settle(hass)
    assert name in device_names(device_registry)
    assert carried_names(sandbox) == [carried]


async def test_name_of_a_certificate_that_is_taken_over(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """The person who asked for it chose its name: nothing in that turns a line around."""
    await add_certificate(sandbox, name="\u202ePixel 8", organization="")
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)
    result = await submit(
        hass, await add(hass, loaded_entry), {"next_step_id": "adopt"}
    )
    (offered,) = result["data_schema"].schema["certificate"].config["options"]

    result = await submit(
        hass, result, {"certificate": offered["value"], "system": "android"}
    )

    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)
    assert "Pixel 8" in device_names(device_registry)


UNSEEN = pytest.mark.parametrize("name", ["", "  ", "\n", "\u200b\u200f", "x" * 251])


@UNSEEN
async def test_dialog_without_a_name(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, name: str
) -> None:
    """The sentence is true of every name that is refused, and nothing is created."""
    result = await submit(hass, await add(hass, loaded_entry), {**CHOSEN, "name": name})

    assert result["step_id"] == "new"
    assert sentences(result, OF)["base"] == (
        "This name is empty or too long. "
        "Nothing was created. Enter at most 250 characters, or pick a device that has one."
    )
    assert certificates(sandbox) == {}


@UNSEEN
async def test_action_without_a_name(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, name: str
) -> None:
    """An automation learns the same."""
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, loaded_entry, "mint_certificate", name=name)

    assert str(raised.value) == (
        "This name is empty or too long. "
        "Nothing was created. Enter at most 250 characters"
    )
    assert certificates(sandbox) == {}


async def labels_of(hass: HomeAssistant, entry: Any, names: list[str]) -> list[str]:
    """Return what the certificates of new devices are called on these devices."""
    for name in names:
        await act(hass, entry, "mint_certificate", name=name)
    offers = [item.url.partition("#")[2] for item in handovers_of(hass)]
    deliveries = [
        async_get_handovers(hass).take(token, remotely=False) for token in offers
    ]
    return [item.label for item in deliveries if isinstance(item, Delivery)]


async def test_no_two_devices_share_a_label_that_says_nothing(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Where nothing of a name can stand in a label, the device's id does."""
    labels = await labels_of(hass, loaded_entry, ["📱", "🎮", "リビング", "キッチン"])

    assert len(set(labels)) == 4
    assert labels[2].startswith("HA リビング ")


async def test_renewed_certificate_has_a_label_of_its_own(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """A phone lists it beside the one before, also where both were created on one day.

    The label holds of both names the same.
    """
    (first,) = await labels_of(hass, loaded_entry, ["Pixel 8"])
    freezer.tick(120)

    (second,) = await labels_of(hass, loaded_entry, ["Pixel (8)"])

    assert first[:-4] == second[:-4]
    assert first != second


@pytest.mark.parametrize("name", ["Laptop", " laptop "])
async def test_name_of_another_device(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, name: str
) -> None:
    """By its name a person chooses which device to revoke, so no other one gets it."""
    result = await submit(
        hass, await add(hass, loaded_entry), {**CHOSEN, "name": "Laptop"}
    )
    await submit(hass, result)
    await settle(hass)
    before = certificates(sandbox)

    result = await submit(hass, await add(hass, loaded_entry), {**CHOSEN, "name": name})

    assert sentences(result, OF)["name"] == (
        "Another device is called Laptop already. Nothing was changed. Enter another name."
    )
    with pytest.raises(HomeAssistantError, match="is called Laptop already"):
        await act(hass, loaded_entry, "mint_certificate", name=name)
    assert certificates(sandbox) == before

    result = await submit(hass, result, {**CHOSEN, "name": "Anna's laptop"})
    assert result["step_id"] == "handover"


async def test_change_to_the_name_of_another_device(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Two that have the same name already may be changed otherwise."""
    for name in ("Laptop", "Phone", "phone"):
        device = CompanionDevice(
            id=ulid_now(), name=name, system=System.IOS, zone_id=sandbox.zone_id
        )
        subentry = companion_subentry(device)
        hass.config_entries.async_add_subentry(loaded_entry, subentry)
    await settle(hass)
    phone, other_phone = (
        subentry.subentry_id
        for subentry in loaded_entry.subentries.values()
        if subentry.title.casefold() == "phone"
    )

    async def change(subentry_id: str, name: str) -> Any:
        form = await loaded_entry.start_subentry_reconfigure_flow(hass, subentry_id)
        form = await submit(hass, form, {"next_step_id": "change"})
        return await submit(hass, form, {"name": name, "system": "ios"})

    result = await change(phone, "LAPTOP")
    assert result["errors"] == {"name": "name_taken"}
    assert (await change(other_phone, "phone"))["reason"] == "device_changed"
    assert (await change(phone, "Anna's phone"))["reason"] == "device_changed"
