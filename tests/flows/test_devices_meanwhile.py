"""Tests of a hostname's dialog and a device's: what one of them changes while the other one is open."""

import asyncio
from collections.abc import Iterator
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.certificates.stages import Stages
from tests.common import (
    BLOCK_REF,
    HOSTNAME,
    HOSTNAME_ID,
    act,
    add_certificate,
    choose,
    sentences,
    settle,
    submit,
)
from tests.dialogs import (
    CHOSEN,
    add,
    add_hostname,
    certificates,
    fetch,
    handovers_of,
    link_of,
    zone_and_tunnel,
)
from tests.faults import Faults
from tests.limited import (
    LIMITED,
    LIMITED_ID,
    PHONE,
    TABLET,
    devices_of,
    listed,
    set_up_home,
)

from .test_adoption import to_adopt
from .test_allowed_devices import OF_HOSTNAME, changes, reconfigure

LAPTOP = {"name": "Laptop", "key_type": "ec_p256", "hostname": HOSTNAME}
NEW_HOSTNAME = "proxmox.example.com"
NEW = {**CHOSEN, "hostname": HOSTNAME}
CHANGES_MEANWHILE = pytest.mark.parametrize(
    ("subentry_id", "devices"),
    [(LIMITED_ID, ["all"]), (HOSTNAME_ID, [PHONE])],
    ids=["widened", "limited"],
)


@pytest.fixture
def stages(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stages]:
    """Return what holds a creation at a stage."""
    stages = Stages(faults, monkeypatch)
    yield stages
    stages.release()


def subentry_of(entry: MockConfigEntry, device_id: str) -> str:
    """Return the id of a device's subentry."""
    (found,) = [
        key for key, item in entry.subentries.items() if item.unique_id == device_id
    ]
    return found


def names_of(entry: MockConfigEntry) -> list[str]:
    """Return the names of the companion devices."""
    return sorted(
        item.title for item in entry.get_subentries_of_type("companion_device")
    )


def assert_shown_again(sandbox: Sandbox, result: Any) -> None:
    """Assert that the preview is shown once more, and that nothing was written."""
    assert result["step_id"] == "preview"
    assert result["errors"] == {"base": "devices_changed"}
    assert "have not changed yet" in sentences(result, OF_HOSTNAME)["base"]
    assert sandbox.journal.writes == []


async def limit(
    hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str, devices: list[str]
) -> None:
    """Change in another dialog who may use a hostname."""
    preview = await reconfigure(hass, entry, subentry_id, devices)
    result = await submit(hass, preview)
    assert result["reason"] == "reconfigure_successful"
    await settle(hass)


@pytest.mark.parametrize("adopts", [False, True], ids=["created", "taken over"])
async def test_device_is_added_before_a_hostname_is_limited(
    hass: HomeAssistant, sandbox: Sandbox, adopts: bool
) -> None:
    """Nobody saw that the new one loses access, so it is shown before anything changes."""
    entry, phone, _ = await set_up_home(hass, sandbox, TABLET)
    preview = await reconfigure(hass, entry, HOSTNAME_ID, [PHONE])
    if adopts:
        await add_certificate(sandbox, name="Laptop", certificate_id="elsewhere")
        form = await to_adopt(hass, entry)
        await submit(hass, form, {"certificate": "elsewhere", "system": "linux"})
    else:
        await act(hass, entry, "mint_certificate", **LAPTOP)
    await settle(hass)
    sandbox.journal.clear()

    result = await submit(hass, preview)

    assert_shown_again(sandbox, result)
    assert "**These devices lose access:**\n\n- `Laptop`\n- `Tablet`" in changes(result)
    assert devices_of(entry, HOSTNAME_ID) is None
    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"
    assert devices_of(entry, HOSTNAME_ID) == [PHONE]
    assert listed(sandbox, BLOCK_REF, HOSTNAME) == {phone}


async def test_device_is_added_before_a_hostname_is_widened(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Nobody saw that the new one gains access."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    preview = await reconfigure(hass, entry, LIMITED_ID, ["all"])
    await act(hass, entry, "mint_certificate", **LAPTOP)
    await settle(hass)
    sandbox.journal.clear()

    result = await submit(hass, preview)

    assert_shown_again(sandbox, result)
    assert "**These devices gain access:**\n\n- `Laptop`\n- `Phone`" in changes(result)
    assert devices_of(entry) == [TABLET]
    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"
    assert devices_of(entry) is None


async def test_device_is_added_that_the_change_does_not_concern(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """One Submit is enough: what was shown is still right."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    preview = await reconfigure(hass, entry, LIMITED_ID, [PHONE, TABLET])
    await act(hass, entry, "mint_certificate", **LAPTOP)

    result = await submit(hass, preview)

    assert result["reason"] == "reconfigure_successful"
    assert devices_of(entry) == [PHONE, TABLET]


async def test_device_is_renamed_before_a_hostname_is_limited(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """A name is all by which a person knows the devices."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    preview = await reconfigure(hass, entry, HOSTNAME_ID, [PHONE])
    tablet = entry.subentries[subentry_of(entry, TABLET)]
    hass.config_entries.async_update_subentry(entry, tablet, title="Kitchen")
    sandbox.journal.clear()

    result = await submit(hass, preview)

    assert_shown_again(sandbox, result)
    assert "lose access:**\n\n- `Kitchen`" in changes(result)


@pytest.mark.parametrize("gone", [PHONE, TABLET], ids=["chosen", "not chosen"])
async def test_device_is_removed_before_a_hostname_is_limited(
    hass: HomeAssistant, sandbox: Sandbox, gone: str
) -> None:
    """It is no longer shown, and those that are left may use the hostname."""
    entry, _, _ = await set_up_home(hass, sandbox)
    await act(hass, entry, "mint_certificate", **LAPTOP)
    (laptop,) = {item.unique_id for item in entry.subentries.values()}.intersection(
        item.unique_id
        for item in entry.get_subentries_of_type("companion_device")
        if item.title == "Laptop"
    )
    preview = await reconfigure(hass, entry, HOSTNAME_ID, [PHONE, str(laptop)])
    hass.config_entries.async_remove_subentry(entry, subentry_of(entry, gone))
    await settle(hass)
    sandbox.journal.clear()

    result = await submit(hass, preview)

    assert_shown_again(sandbox, result)
    name = {PHONE: "Phone", TABLET: "Tablet"}[gone]
    assert f"`{name}`" not in changes(result)
    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"
    assert devices_of(entry, HOSTNAME_ID) == sorted({PHONE, str(laptop)} - {gone})


async def test_all_chosen_devices_are_removed(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """The hostname is not closed to everybody because of that, however often Submit is selected."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    preview = await reconfigure(hass, entry, HOSTNAME_ID, [PHONE])
    hass.config_entries.async_remove_subentry(entry, subentry_of(entry, PHONE))
    await settle(hass)
    sandbox.journal.clear()

    result = preview
    for _ in range(2):
        result = await submit(hass, result)
        assert result["step_id"] == "preview"
        assert result["errors"] == {"base": "devices_gone"}
        said = sentences(result, OF_HOSTNAME)["base"]
        assert said.startswith("The companion devices that you chose were removed")
    assert sandbox.journal.writes == []
    assert devices_of(entry, HOSTNAME_ID) is None
    assert listed(sandbox, BLOCK_REF, HOSTNAME) is None


async def test_chosen_device_is_removed_before_a_new_hostname_is_protected(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Those that are left are shown before anything is written."""
    entry, phone, _ = await set_up_home(hass, sandbox, TABLET)
    result = await submit(
        hass, await add_hostname(hass, entry), zone_and_tunnel(sandbox)
    )
    typed = {**choose(), "hostname": NEW_HOSTNAME, "devices": [PHONE, TABLET]}
    preview = await submit(hass, result, typed)
    hass.config_entries.async_remove_subentry(entry, subentry_of(entry, TABLET))
    await settle(hass)
    sandbox.journal.clear()

    result = await submit(hass, preview)

    assert_shown_again(sandbox, result)
    assert "`Phone`" in changes(result)
    assert "`Tablet`" not in changes(result)
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["devices"] == [PHONE]
    await settle(hass)
    assert listed(sandbox, BLOCK_REF, NEW_HOSTNAME) == {phone}


async def test_device_is_added_before_a_new_hostname_is_protected(
    hass: HomeAssistant, sandbox: Sandbox
) -> None:
    """Nobody uses the hostname yet, so that the device loses nothing: one Submit is enough."""
    entry, phone, _ = await set_up_home(hass, sandbox, TABLET)
    result = await submit(
        hass, await add_hostname(hass, entry), zone_and_tunnel(sandbox)
    )
    typed = {**choose(), "hostname": NEW_HOSTNAME, "devices": [PHONE]}
    preview = await submit(hass, result, typed)
    await act(hass, entry, "mint_certificate", **LAPTOP)
    await settle(hass)

    result = await submit(hass, preview)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)
    assert listed(sandbox, BLOCK_REF, NEW_HOSTNAME) == {phone}


async def test_device_is_added_while_a_hostname_is_limited(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """The rules go back to what is stored, until somebody has seen that the new one loses access."""
    entry, phone, _ = await set_up_home(hass, sandbox, TABLET)
    preview = await reconfigure(hass, entry, HOSTNAME_ID, [PHONE])
    hold = asyncio.Event()
    writing = faults.add("PATCH", "/rulesets/", hold=hold, times=1)
    manager = hass.config_entries.subentries
    progress = await manager.async_configure(preview["flow_id"], {})
    assert progress["type"] is FlowResultType.SHOW_PROGRESS
    await writing.until_hit()
    adding = hass.async_create_task(act(hass, entry, "mint_certificate", **LAPTOP))
    while "Laptop" not in names_of(entry):
        await asyncio.sleep(0)
    hold.set()
    await settle(hass)

    result = await manager.async_configure(progress["flow_id"])

    assert (await adding)["certificate_id"]
    assert result["step_id"] == "preview"
    assert result["errors"] == {"base": "devices_changed"}
    assert "- `Laptop`" in changes(result)
    assert devices_of(entry, HOSTNAME_ID) is None
    await settle(hass)
    assert listed(sandbox, BLOCK_REF, HOSTNAME) is None
    result = await submit(hass, result)
    assert result["reason"] == "reconfigure_successful"
    assert listed(sandbox, BLOCK_REF, HOSTNAME) == {phone}


def assert_asked_again(result: Any) -> None:
    """Assert that the form of a new device is shown once more, and says why."""
    assert result["step_id"] == "new"
    assert result["errors"] == {"base": "hostnames_changed"}
    said = sentences(result, "config_subentries.companion_device")["base"]
    assert "The device was not added" in said


@CHANGES_MEANWHILE
async def test_hostname_changes_while_the_form_of_a_new_device_is_open(
    hass: HomeAssistant, sandbox: Sandbox, subentry_id: str, devices: list[str]
) -> None:
    """The form showed other limited hostnames: nothing is created before the right ones were shown."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    third = {**choose(), "hostname": NEW_HOSTNAME}
    result = await submit(
        hass, await add_hostname(hass, entry), zone_and_tunnel(sandbox)
    )
    await submit(hass, await submit(hass, result, third))
    await settle(hass)
    form = await add(hass, entry)
    await limit(hass, entry, subentry_id, devices)
    before = certificates(sandbox)

    result = await submit(hass, form, {**CHOSEN, "hostname": NEW_HOSTNAME})

    assert_asked_again(result)
    assert certificates(sandbox) == before
    assert names_of(entry) == ["Phone", "Tablet"]
    result = await submit(hass, result, {**CHOSEN, "hostname": NEW_HOSTNAME})
    assert result["step_id"] == "handover"


async def store_meanwhile(
    hass: HomeAssistant, entry: MockConfigEntry, preview: Any, subentry_id: str
) -> None:
    """Submit the preview of a hostname while something else is held, until the settings are stored."""
    before = devices_of(entry, subentry_id)
    await hass.config_entries.subentries.async_configure(preview["flow_id"], {})
    while devices_of(entry, subentry_id) == before:
        await asyncio.sleep(0)


def store_devices(
    hass: HomeAssistant, entry: MockConfigEntry, subentry_id: str, devices: list[str]
) -> None:
    """Store who may use a hostname, as the end of its dialog does."""
    subentry = entry.subentries[subentry_id]
    hass.config_entries.async_update_subentry(
        entry, subentry, data={**subentry.data, "devices": devices}
    )


def assert_undone(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    """Assert that no device was added, and that nobody can use the certificate that was signed for it."""
    assert names_of(entry) == ["Phone", "Tablet"]
    assert handovers_of(hass) == []
    *known, new = certificates(sandbox).values()
    assert (known, new) == (["active", "active"], "revoked")


@CHANGES_MEANWHILE
async def test_hostname_changes_while_the_certificate_of_a_new_device_is_signed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    subentry_id: str,
    devices: list[str],
) -> None:
    """Neither dialog showed what comes of both: the device is not added, and its certificate is revoked."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    preview = await reconfigure(hass, entry, subentry_id, devices)
    hold = asyncio.Event()
    signing = faults.add("POST", "/client_certificates$", hold=hold, times=1)
    manager, form = hass.config_entries.subentries, await add(hass, entry)
    progress = await manager.async_configure(form["flow_id"], NEW)
    assert progress["type"] is FlowResultType.SHOW_PROGRESS
    await signing.until_hit()
    await store_meanwhile(hass, entry, preview, subentry_id)
    hold.set()
    await settle(hass)

    result = await manager.async_configure(form["flow_id"])

    assert_asked_again(result)
    assert_undone(hass, sandbox, entry)


@CHANGES_MEANWHILE
async def test_hostname_changes_while_an_action_adds_a_device(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    subentry_id: str,
    devices: list[str],
) -> None:
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    preview = await reconfigure(hass, entry, subentry_id, devices)
    hold = asyncio.Event()
    signing = faults.add("POST", "/client_certificates$", hold=hold, times=1)
    adding = hass.async_create_task(act(hass, entry, "mint_certificate", **LAPTOP))
    await signing.until_hit()
    await store_meanwhile(hass, entry, preview, subentry_id)
    hold.set()

    with pytest.raises(HomeAssistantError) as refused:
        await adding

    await settle(hass)
    assert refused.value.translation_key == "hostnames_changed"
    assert_undone(hass, sandbox, entry)


async def test_new_device_is_taken_from_its_hostname_before_it_is_offered(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """It was stored by then, but nobody can download a certificate that opens less than was chosen."""
    entry, _, _ = await set_up_home(hass, sandbox, TABLET)
    hold = asyncio.Event()
    writing = faults.add("PATCH", "/rulesets/", hold=hold, times=1)
    adding = hass.async_create_task(
        act(hass, entry, "mint_certificate", **{**LAPTOP, "hostname": LIMITED})
    )
    await writing.until_hit()
    assert len(devices_of(entry)) == 2
    store_devices(hass, entry, LIMITED_ID, [TABLET])
    hold.set()

    with pytest.raises(HomeAssistantError) as refused:
        await adding

    await settle(hass)
    assert refused.value.translation_key == "hostnames_changed"
    assert_undone(hass, sandbox, entry)
    assert devices_of(entry) == [TABLET]


async def test_renewed_while_its_hostname_is_limited_to_others(
    hass: HomeAssistant,
    sandbox: Sandbox,
    stages: Stages,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Who limits a hostname sees each device that loses access; its page does not name the hostname any more."""
    entry, _, _ = await set_up_home(hass, sandbox, PHONE, TABLET)
    stages.hold("pack")
    fields = {"certificate_id": f"of-{PHONE}", "key_type": "ec_p256"}
    renewing = hass.async_create_task(act(hass, entry, "renew_certificate", **fields))
    await stages.until_reached()
    store_devices(hass, entry, HOSTNAME_ID, [TABLET])
    stages.release()
    renewed = await renewing
    await settle(hass)

    fetched = await fetch(await hass_client_no_auth(), link_of(hass, renewed))

    assert (fetched["hostname"], fetched["hostnames"]) == (LIMITED, [LIMITED])
    assert renewed["fingerprint_sha256"] not in (
        listed(sandbox, BLOCK_REF, HOSTNAME) or ()
    )


async def test_restored_while_a_hostname_is_limited_to_others(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults
) -> None:
    """Who limited it saw that the device loses access, with every certificate that it has."""
    entry, _, tablet = await set_up_home(hass, sandbox, PHONE, TABLET)
    await act(hass, entry, "revoke_certificate", certificate_id=f"of-{PHONE}")
    await settle(hass)
    preview = await reconfigure(hass, entry, HOSTNAME_ID, [TABLET])
    assert "lose access:**\n\n- `Phone`" in changes(preview)
    hold = asyncio.Event()
    answer = faults.add("PATCH", f"/client_certificates/of-{PHONE}$", hold=hold)
    action = act(hass, entry, "restore_certificate", certificate_id=f"of-{PHONE}")
    restoring = hass.async_create_task(action)
    await answer.until_hit()
    await store_meanwhile(hass, entry, preview, HOSTNAME_ID)
    hold.set()
    await restoring
    await settle(hass)

    assert certificates(sandbox)[f"of-{PHONE}"] == "active"
    assert listed(sandbox, BLOCK_REF, HOSTNAME) == {tablet}
