"""Tests of the dialog of a companion device whose account or device goes while it is open."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import HOSTNAME, issues, reported, settle, state_of, submit
from tests.dialogs import CHOSEN, RENEWED, add, begin_repair, certificates, fetch, renew
from tests.faults import Faults


async def test_home_assistant_restarts_between_download_and_submit(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    """The device that holds the certificate is stored by then."""
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    url = result["description_placeholders"]["url"]
    await fetch(await hass_client_no_auth(), url)
    freezer.tick(2)
    async_fire_time_changed(hass)
    await settle(hass)

    (stored,) = hass_storage["core.config_entries"]["data"]["entries"]
    titles = [item["title"] for item in stored["subentries"]]
    assert titles == [HOSTNAME, "Pixel 8"]
    assert list(certificates(sandbox).values()) == ["active"]


@pytest.mark.parametrize("gone", ["device", "account"])
async def test_device_removed_while_its_link_is_shown(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    gone: str,
) -> None:
    """The link no longer works, and the end of the dialog says why."""
    client = await hass_client_no_auth()
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    url = result["description_placeholders"]["url"]
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    if gone == "device":
        hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    else:
        await hass.config_entries.async_remove(loaded_entry.entry_id)

    path, _, token = url.removeprefix("http://192.168.1.10:8123").partition("#")
    assert (await client.post(path, data=token)).status == 404
    result = await submit(hass, result)
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "device_removed",
    )
    if gone == "device":
        assert list(certificates(sandbox).values()) == ["revoked"]


@pytest.mark.parametrize(
    ("gone", "reason"), [("device", "device_gone"), ("account", "entry_not_loaded")]
)
async def test_removed_before_a_renewal_is_submitted(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    gone: str,
    reason: str,
) -> None:
    """Nothing is signed for a device that is gone."""
    await submit(hass, await submit(hass, await add(hass, loaded_entry), CHOSEN))
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    result = await renew(hass, loaded_entry, subentry.subentry_id)
    if gone == "device":
        hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    else:
        await hass.config_entries.async_remove(loaded_entry.entry_id)
    await settle(hass)

    result = await submit(hass, result, RENEWED)

    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, reason)
    assert len(certificates(sandbox)) == 1


async def test_device_removed_while_its_renewal_is_signed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The new certificate is revoked, and the dialog says so."""
    await submit(hass, await submit(hass, await add(hass, loaded_entry), CHOSEN))
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    hold = asyncio.Event()
    signing = faults.add("POST", "/client_certificates$", hold=hold)
    result = await renew(hass, loaded_entry, subentry.subentry_id)
    result = await hass.config_entries.subentries.async_configure(
        result["flow_id"], RENEWED
    )
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    await signing.until_hit()

    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    hold.set()
    await settle(hass)
    result = await hass.config_entries.subentries.async_configure(result["flow_id"])

    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "creation_stopped",
    )
    assert result["description_placeholders"] == {"name": "Pixel 8"}
    assert list(certificates(sandbox).values()) == ["revoked", "revoked"]


async def test_account_removed_before_a_new_device_is_submitted(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nothing is signed, and the dialog ends with the reason."""
    result = await add(hass, loaded_entry)
    await hass.config_entries.async_remove(loaded_entry.entry_id)

    result = await submit(hass, result, CHOSEN)

    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "entry_not_loaded",
    )
    assert certificates(sandbox) == {}


async def test_dialog_closed_at_the_handover(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The certificate exists, so its device is added all the same."""
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)

    hass.config_entries.subentries.async_abort(result["flow_id"])
    await settle(hass)

    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    assert subentry.title == "Pixel 8"
    assert state_of(hass, "sensor.pixel_8_certificate_status") == "active"
    assert reported(hass) == {"certificate_ready"}, "its link is shown there"


async def test_browser_loaded_again_at_the_handover(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """The browser no longer shows the dialog, and nothing closes it: a repair shows the same link."""
    assert await async_setup_component(hass, "repairs", {})
    person, phone = await hass_client(), await hass_client_no_auth()
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    url = result["description_placeholders"]["url"]

    dialog = await begin_repair(person, issues(hass)["certificate_ready"])

    assert dialog["description_placeholders"]["url"] == url
    await fetch(phone, url)
    await settle(hass)
    assert reported(hass) == set()


async def test_dialog_closed_while_the_certificate_is_signed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The certificate is still signed, and its device is added."""
    faults.unavailable("POST", "/client_certificates", after_write=True, times=1)
    result = await add(hass, loaded_entry)
    result = await hass.config_entries.subentries.async_configure(
        result["flow_id"], CHOSEN
    )
    assert result["type"] is FlowResultType.SHOW_PROGRESS

    hass.config_entries.subentries.async_abort(result["flow_id"])
    await settle(hass)

    assert len(certificates(sandbox)) == 1
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    assert subentry.title == "Pixel 8"
    assert reported(hass) == {"certificate_ready"}


async def test_dialog_closed_after_the_download(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """There is no link any more, and nothing to tell."""
    result = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    url = result["description_placeholders"]["url"]
    await fetch(await hass_client_no_auth(), url)
    hass.config_entries.subentries.async_abort(result["flow_id"])
    await settle(hass)
    assert reported(hass) == set()


async def test_renewal_closed_at_the_handover(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The link of the next certificate is shown in a repair, too."""
    first = await submit(hass, await add(hass, loaded_entry), CHOSEN)
    await submit(hass, first)
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    form = await renew(hass, loaded_entry, subentry.subentry_id)
    ir.async_get(hass).issues.clear()
    result = await submit(hass, form, RENEWED)
    assert result["step_id"] == "handover"
    hass.config_entries.subentries.async_abort(result["flow_id"])
    await settle(hass)
    assert reported(hass) == {"certificate_ready"}


async def test_dialog_closed_while_creating_fails(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, loaded_entry: MockConfigEntry
) -> None:
    """Without a certificate there is no device to keep."""
    hold = asyncio.Event()
    signing = faults.refuse("POST", "/client_certificates", 400, 1471, "No", hold=hold)
    result = await add(hass, loaded_entry)
    result = await hass.config_entries.subentries.async_configure(
        result["flow_id"], CHOSEN
    )
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    await signing.until_hit()

    hass.config_entries.subentries.async_abort(result["flow_id"])
    hold.set()
    await settle(hass)

    assert certificates(sandbox) == {}
    assert loaded_entry.get_subentries_of_type("companion_device") == []
