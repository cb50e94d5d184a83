"""Tests of the dialog that gives a companion device its certificate."""

import asyncio
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.cloudflare_mtls.const import DOMAIN
from custom_components.cloudflare_mtls.flows import progress
from sandbox import Sandbox
from tests.certificates.test_pinning import choose_pinning, fill, revoke_all
from tests.common import (
    ENGLISH,
    HOSTNAME,
    choose,
    reported,
    sentences,
    settle,
    state_of,
    submit,
    zone_of,
)
from tests.dialogs import (
    CHOSEN,
    RENEWED,
    add,
    add_hostname,
    certificates,
    fetch,
    handovers_of,
    renew,
    run_test,
    token_of_test,
)
from tests.faults import Faults

OF = "config_subentries.companion_device"


async def test_device_gets_its_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
) -> None:
    """The device is stored when its link is shown; the end of the dialog says that it was added."""
    result = await add(hass, loaded_entry)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "new")
    result = await submit(hass, result, CHOSEN)

    assert result["step_id"] == "handover"
    shown = result["description_placeholders"]
    (qr_code,) = result["data_schema"].schema.values()
    assert qr_code.config["data"] == shown["url"]
    assert shown["url"].startswith("http://192.168.1.10:8123/api/cloudflare_mtls/")
    assert shown["name"] == "Pixel 8"
    # Nobody got a link that asks for the code, and so it is nowhere in the dialog.
    (handover,) = handovers_of(hass)
    assert handover.code not in str(shown)
    assert len(certificates(sandbox)) == 1

    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    (created,) = zone_of(sandbox).certificates.values()
    assert subentry.title == "Pixel 8"
    assert str(subentry.unique_id) in created.certificate.subject.rfc4514_string()
    assert dict(subentry.data) == {
        "name": "Pixel 8",
        "system": "android",
        "zone_id": sandbox.zone_id,
        "hostname": HOSTNAME,
        "notify_device_id": None,
    }
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, subentry.subentry_id), loaded_entry.entry_id
    )
    assert device
    assert device.name == "Pixel 8"
    assert state_of(hass, "sensor.pixel_8_certificate_status") == "active"
    assert state_of(hass, "sensor.pixel_8_handover") == "waiting"
    assert state_of(hass, "binary_sensor.pixel_8_certificate_problem") == "off"

    result = await submit(hass, result)
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "download_waiting",
    )
    assert result["description_placeholders"] == {
        "name": "Pixel 8",
        "until": shown["until"],
    }
    assert reported(hass) == {"certificate_ready"}
    assert loaded_entry.get_subentries_of_type("companion_device") == [subentry]


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ("ios", "to_device_scan"),
        ("macos", "to_device_copy"),
        ("windows", "to_device_copy"),
        ("linux", "to_device_copy"),
        ("chromeos", "to_device_copy"),
    ],
)
async def test_how_the_link_gets_to_the_device(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, system: str, told: str
) -> None:
    """A phone scans a code; a computer opens the link, so no code is shown for it."""
    chosen = {**CHOSEN, "system": system}
    result = await submit(hass, await add(hass, loaded_entry), chosen)

    shown = result["description_placeholders"]
    assert shown["to_device"] == (
        ENGLISH["common"][told]
        .replace("{name}", "Pixel 8")
        .replace("{url}", shown["url"])
    )
    assert len(result["data_schema"].schema) == (told == "to_device_scan")
    assert result["description_placeholders"]["url"]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_what_is_said_of_the_link(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, scheme: str
) -> None:
    """Nobody has to look whether it is encrypted, nor for a notification that nobody sent."""
    await hass.config.async_update(internal_url=f"{scheme}://ha.home.arpa:8123")
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)

    shown = result["description_placeholders"]
    assert shown["url"].startswith(f"{scheme}://ha.home.arpa:8123/")
    assert ("is not encrypted" in shown["unencrypted"]) == (scheme == "http")
    assert shown["asked"] == ""


async def test_certificate_is_tested_before_the_dialog_ends(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The order in the README works: download, test, and only then Submit."""
    client = await hass_client_no_auth()
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    fetched = await fetch(client, result["description_placeholders"]["url"])
    await settle(hass)

    said = await run_test(client, token_of_test(fetched))

    assert said == ENGLISH["common"]["proof_done"]
    assert state_of(hass, "sensor.pixel_8_handover") == "proven"

    result = await submit(hass, result)
    assert result["reason"] == "device_added"


@pytest.mark.parametrize(
    ("chosen", "error"),
    [
        ({"name": " "}, "This name is empty or too long"),
        ({"name": "x" * 251}, "This name is empty or too long"),
    ],
)
async def test_input_that_is_refused(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    chosen: dict[str, str],
    error: str,
) -> None:
    """The form says what is wrong, and nothing is created."""
    result = await submit(hass, await add(hass, loaded_entry), {**CHOSEN, **chosen})

    assert result["step_id"] == "new"
    assert error in sentences(result, OF)["base"]
    assert certificates(sandbox) == {}

    result = await submit(hass, result, CHOSEN)
    assert result["step_id"] == "handover"


async def test_refusal_is_shown_and_can_be_tried_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """Cloudflare's reason is shown in the form, and a second attempt creates the certificate."""
    faults.refuse(
        "POST", "/client_certificates", 400, 1471, "validity_days is too long", times=1
    )
    result = await submit(
        hass, await add(hass, loaded_entry), {**CHOSEN, "validity": "5475"}
    )

    assert result["step_id"] == "new"
    assert "validity_days is too long" in sentences(result, OF)["base"]
    assert certificates(sandbox) == {}

    result = await submit(hass, result, CHOSEN)
    assert result["step_id"] == "handover"
    assert len(certificates(sandbox)) == 1


async def test_progress_lasts_until_the_front_end_listens(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The progress ends only once the front end listens, because it is notified just once."""
    shown = asyncio.Event()
    monkeypatch.setattr(progress, "shown_long_enough", shown.wait)
    progressed = async_capture_events(hass, "data_entry_flow_progressed")
    result = await hass.config_entries.subentries.async_configure(
        (await add(hass, loaded_entry))["flow_id"], CHOSEN
    )
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    while not certificates(sandbox):
        await asyncio.sleep(0)
    assert progressed == []

    shown.set()
    await settle(hass)

    assert [event.data["flow_id"] for event in progressed] == [result["flow_id"]]


async def test_without_a_hostname(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Without a protected hostname the dialog ends with the reason."""
    for subentry_id in list(loaded_entry.subentries):
        hass.config_entries.async_remove_subentry(loaded_entry, subentry_id)
    await settle(hass)

    result = await add(hass, loaded_entry)

    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_hostname")


async def test_without_a_local_address(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """A certificate that no device could download is not created."""
    await hass.config.async_update(
        internal_url=None, external_url="https://home.example.com"
    )
    hass.config.api = None

    result = await add(hass, loaded_entry)

    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_local_url")


async def test_without_an_account(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """While the account is not loaded, the dialog ends with the reason."""
    await hass.config_entries.async_unload(loaded_entry.entry_id)

    result = await add(hass, loaded_entry)

    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "entry_not_loaded",
    )


async def test_renewal(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The device gets a new certificate, and the old one keeps working."""
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    await fetch(await hass_client_no_auth(), result["description_placeholders"]["url"])
    await submit(hass, result)
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    freezer.tick(86400)

    result = await renew(hass, loaded_entry, subentry.subentry_id)
    assert result["step_id"] == "renew"
    assert result["description_placeholders"]["name"] == "Pixel 8"
    result = await submit(hass, result, RENEWED)
    assert result["step_id"] == "handover"
    await fetch(await hass_client_no_auth(), result["description_placeholders"]["url"])
    result = await submit(hass, result)

    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "reconfigure_successful",
    )
    assert reported(hass) == set()
    assert list(certificates(sandbox).values()) == ["active", "active"]
    assert [item.validity_days for item in zone_of(sandbox).certificates.values()] == [
        365,
        90,
    ]


@pytest.mark.parametrize("obstacle", ["entry_not_loaded", "no_local_url"])
async def test_renewal_with_an_obstacle(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry, obstacle: str
) -> None:
    """Nothing is created while the account or a local address is missing."""
    await submit(hass, await submit(hass, await add(hass, loaded_entry), CHOSEN))
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    if obstacle == "no_local_url":
        await hass.config.async_update(
            internal_url=None, external_url="https://home.example.com"
        )
        hass.config.api = None
    else:
        await hass.config_entries.async_unload(loaded_entry.entry_id)

    result = await renew(hass, loaded_entry, subentry.subentry_id)

    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, obstacle)
    assert len(certificates(sandbox)) == 1


async def test_renewal_that_is_refused(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """The form says why and keeps what was typed; the next attempt renews."""
    await submit(hass, await submit(hass, await add(hass, loaded_entry), CHOSEN))
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    faults.refuse("POST", "/client_certificates", 400, 1471, "No", times=1)

    result = await renew(hass, loaded_entry, subentry.subentry_id)
    result = await submit(hass, result, RENEWED)

    assert result["step_id"] == "renew"
    assert result["errors"] == {"base": "rejected"}
    suggested = {
        str(key): (key.description or {}).get("suggested_value")
        for key in result["data_schema"].schema
    }
    assert suggested == {**RENEWED, "revoke_old_after": None}

    result = await submit(hass, await submit(hass, result, RENEWED))
    assert result["reason"] == "download_waiting"
    assert len(certificates(sandbox)) == 2


async def test_link_that_ended_while_the_dialog_was_open(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """The end of the dialog says that nobody downloaded the certificate, and a repair offers a new link."""
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    freezer.tick(timedelta(minutes=10))
    async_fire_time_changed(hass)
    await settle(hass)

    result = await submit(hass, result)

    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "download_missed",
    )
    assert reported(hass) == {"handover_missed"}


async def test_one_of_several_zones(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The certificate authority of the chosen hostname's domain signs."""
    other = sandbox.state.add_zone("example.net")
    result = await add_hostname(hass, loaded_entry)
    result = await submit(
        hass, result, {"zone_id": other.id, "tunnel_id": sandbox.tunnel_id}
    )
    result = await submit(hass, await submit(hass, result, choose()))
    assert result["title"] == "ha-mobile.example.net"

    result = await add(hass, loaded_entry)
    chosen = {**CHOSEN, "hostname": "ha-mobile.example.net"}
    result = await submit(hass, result, chosen)
    await submit(hass, result)

    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    assert subentry.data["zone_id"] == other.id
    assert certificates(sandbox) == {}
    assert len(other.certificates) == 1


async def test_more_certificates_than_can_be_pinned(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The form says how many there are, and nothing is signed."""
    await choose_pinning(hass, loaded_entry)
    await fill(hass, loaded_entry, sandbox, range(60))
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    sandbox.journal.clear()

    assert result["step_id"] == "new"
    assert result["errors"] == {"base": "problem_too_many_pinned"}
    assert sentences(result, OF)["base"].startswith(
        "The custom rules of example.com can't list all certificates"
    )
    assert len(certificates(sandbox)) == 60

    revoke_all(sandbox)
    result = await submit(hass, result, CHOSEN)
    assert result["step_id"] == "handover"
    assert len(certificates(sandbox)) == 61


def test_every_step_is_described() -> None:
    """Every field of the dialog has a description."""
    steps = ENGLISH["config_subentries"]["companion_device"]["step"]
    for step in ("new", "adopt", "renew", "change"):
        assert steps[step]["data"].keys() == steps[step]["data_description"].keys()
