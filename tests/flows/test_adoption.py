"""Tests of the dialog that takes over a certificate that exists, for a new companion device."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.certificates.test_pinning import choose_pinning, pinned
from tests.certificates.test_unknown_certificates import fill
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    add_certificate,
    fingerprint_of,
    sentences,
    settle,
    state_of,
    submit,
    wait_for_refresh,
    written_out,
    zone_of,
)
from tests.dialogs import add
from tests.faults import Faults

OF = "config_subentries.companion_device"
OTHER = "7bf7f70c-7600-42e1-81c4-00000000000b"
CHOSEN = {"certificate": CERTIFICATE_ID, "name": "Anna's iPad", "system": "ios"}


async def to_adopt(hass: HomeAssistant, entry: MockConfigEntry) -> Any:
    """Go to the form that lists the certificates, as Cloudflare has them now."""
    await entry.runtime_data.protection.async_refresh()
    await settle(hass)
    return await submit(hass, await add(hass, entry), {"next_step_id": "adopt"})


def assert_nothing_is_adopted(entry: MockConfigEntry) -> None:
    """Assert that there is no companion device."""
    assert list(entry.get_subentries_of_type("companion_device")) == []


async def test_adoption(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
) -> None:
    """A certificate from the dashboard becomes a device's, and nothing is written."""
    certificate = await add_certificate(sandbox, name="Cloudflare", organization="")
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)
    sandbox.journal.clear()

    result = await add(hass, loaded_entry)
    assert (result["type"], result["menu_options"]) == (
        FlowResultType.MENU,
        ["new", "adopt"],
    )
    result = await submit(hass, result, {"next_step_id": "adopt"})
    (label,) = result["data_schema"].schema["certificate"].config["options"]
    issued = written_out(certificate.not_valid_before_utc)
    expires = written_out(certificate.not_valid_after_utc)
    assert label["label"] == (
        f'"Cloudflare", issued {issued}, expires {expires}, '
        f"fingerprint {fingerprint_of(certificate)[:8]}…"
    )
    malformed = {"certificate": label["value"], "name": "x" * 251, "system": "ios"}
    result = await submit(hass, result, malformed)
    assert "This name is empty or too long" in sentences(result, OF)["base"]
    result = await submit(hass, result, {**malformed, "name": "Anna's iPad"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await settle(hass)

    assert sandbox.journal.writes == []
    assert state_of(hass, "sensor.anna_s_ipad_certificate_status") == "active"
    # Whether it was handed over is not known.
    assert state_of(hass, "sensor.anna_s_ipad_handover") == "unknown"
    response = await act(hass, loaded_entry, "list_certificates")
    response = await act(
        hass,
        loaded_entry,
        "revoke_certificate",
        certificate_id=response["certificates"][0]["certificate_id"],
    )
    assert state_of(hass, "sensor.anna_s_ipad_certificate_status") in (
        "revoking",
        "revoked",
    )


async def test_name_that_another_device_has(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nobody could tell the two apart; it does not matter who writes it in capitals."""
    for name in ("First", "Second"):
        await add_certificate(
            sandbox, name=name, organization="", certificate_id=name.lower()
        )
    await loaded_entry.runtime_data.protection.async_refresh()
    await settle(hass)
    for device, answer in (
        ("Tablet", FlowResultType.CREATE_ENTRY),
        ("TABLET", FlowResultType.FORM),
    ):
        result = await add(hass, loaded_entry)
        result = await submit(hass, result, {"next_step_id": "adopt"})
        chosen = result["data_schema"].schema["certificate"].config["options"][0]
        result = await submit(
            hass,
            result,
            {"certificate": chosen["value"], "name": device, "system": "ios"},
        )
        await settle(hass)
        assert result["type"] is answer
    assert "Another device is called" in sentences(result, OF)["name"]


async def test_revoked_while_the_dialog_is_open(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """The revocation came later, so it holds; the dialog offers what is left."""
    for certificate_id in (CERTIFICATE_ID, OTHER):
        await add_certificate(
            sandbox, certificate_id=certificate_id, organization="Somebody"
        )
    form = await to_adopt(hass, loaded_entry)
    await act(hass, loaded_entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)

    result = await submit(hass, form, CHOSEN)

    assert result["errors"] == {"certificate": "certificate_not_free"}
    assert sentences(result, OF)["certificate"]
    (left,) = result["data_schema"].schema["certificate"].config["options"]
    assert left["value"] == OTHER
    assert_nothing_is_adopted(loaded_entry)


async def test_last_one_is_revoked(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nothing is left to choose, so the dialog ends."""
    await add_certificate(sandbox, organization="Somebody")
    form = await to_adopt(hass, loaded_entry)
    await act(hass, loaded_entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)

    result = await submit(hass, form, CHOSEN)

    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "certificate_not_free",
    )
    assert_nothing_is_adopted(loaded_entry)


async def test_revoked_here_and_reactivated_elsewhere(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is not offered: a repair asks about it first."""
    await add_certificate(sandbox, organization="Somebody")
    await loaded_entry.runtime_data.protection.async_refresh()
    await act(hass, loaded_entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    zone_of(sandbox).certificates[CERTIFICATE_ID].status = CertificateStatus.ACTIVE
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert (await add(hass, loaded_entry))["step_id"] == "new"


async def test_pinned(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Where only known certificates get in, the rules accept it from then on."""
    certificate = await add_certificate(sandbox, organization="Somebody")
    await choose_pinning(hass, loaded_entry)
    form = await to_adopt(hass, loaded_entry)

    result = await submit(hass, form, CHOSEN)
    await settle(hass)

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert fingerprint_of(certificate) in (pinned(sandbox, BLOCK_REF) or ())


async def test_pins_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """Nobody knows whether there is room for one more, so nothing is adopted yet."""
    await add_certificate(sandbox, organization="Somebody")
    await choose_pinning(hass, loaded_entry)
    form = await to_adopt(hass, loaded_entry)
    faults.unavailable("GET", "/rulesets")

    result = await submit(hass, form, CHOSEN)

    assert result["errors"] == {"base": "unavailable"}
    assert_nothing_is_adopted(loaded_entry)
    faults.clear()
    result = await submit(hass, result, CHOSEN)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_no_room_for_one_more(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What no rule has space for is not taken over."""
    await choose_pinning(hass, loaded_entry)
    await fill(hass, loaded_entry, sandbox, range(59))
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await add_certificate(sandbox, organization="Somebody")
    form = await to_adopt(hass, loaded_entry)
    sandbox.journal.clear()

    result = await submit(hass, form, CHOSEN)

    assert result["errors"] == {"base": "problem_too_many_pinned"}
    assert sandbox.journal.writes == []
    assert_nothing_is_adopted(loaded_entry)


async def test_revoked_while_it_is_taken_over(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """The rules are looked at first; a revocation meanwhile holds."""
    await add_certificate(sandbox, organization="Somebody")
    await choose_pinning(hass, loaded_entry)
    form = await to_adopt(hass, loaded_entry)
    hold = asyncio.Event()
    fault = faults.add("GET", "/client_certificates", hold=hold, times=1)
    adopting = hass.async_create_task(submit(hass, form, CHOSEN))
    await fault.until_hit()
    await act(hass, loaded_entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    hold.set()

    result = await adopting

    assert result["reason"] == "certificate_not_free"
    assert_nothing_is_adopted(loaded_entry)


async def test_account_is_unloaded_while_the_dialog_is_open(
    hass: HomeAssistant, sandbox: Sandbox, loaded_entry: MockConfigEntry
) -> None:
    """Nobody knows then what is free."""
    await add_certificate(sandbox, organization="Somebody")
    form = await to_adopt(hass, loaded_entry)
    await hass.config_entries.async_unload(loaded_entry.entry_id)

    result = await submit(hass, form, CHOSEN)

    assert result["reason"] == "entry_not_loaded"
    assert_nothing_is_adopted(loaded_entry)


async def test_tunnel_cannot_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
) -> None:
    """Its rules have nothing to do with the certificates that are accepted."""
    await add_certificate(sandbox, organization="Somebody")
    await choose_pinning(hass, loaded_entry)
    form = await to_adopt(hass, loaded_entry)
    faults.unavailable("GET", "/configurations")

    result = await submit(hass, form, CHOSEN)

    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_pins_are_written_later(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """While Cloudflare wants no more requests, the revocation counts, and the rules follow."""
    certificate = await add_certificate(sandbox, organization="Somebody")
    await choose_pinning(hass, loaded_entry)
    await submit(hass, await to_adopt(hass, loaded_entry), CHOSEN)
    await settle(hass)
    assert fingerprint_of(certificate) in (pinned(sandbox, BLOCK_REF) or ())
    go = asyncio.Event()
    fault = faults.add("DELETE", "/client_certificates", hold=go, times=1)
    revoking = hass.async_create_task(
        act(hass, loaded_entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    )
    await fault.until_hit()
    faults.limit(30, "GET", "/rulesets")
    go.set()

    assert (await revoking)["status"] in ("pending_revocation", "revoked")

    assert fingerprint_of(certificate) in (pinned(sandbox, BLOCK_REF) or ())
    faults.clear()
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert fingerprint_of(certificate) not in (pinned(sandbox, BLOCK_REF) or ())


async def test_another_certificate_under_the_id_that_was_shown(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What a person chose is the certificate with the fingerprint in the list, and no other one."""
    await add_certificate(sandbox, name="Cloudflare", organization="")
    form = await to_adopt(hass, loaded_entry)
    await add_certificate(sandbox, name="Cloudflare", organization="", days=3650)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    refused = await submit(hass, form, CHOSEN)

    assert refused["errors"] == {"certificate": "certificate_not_free"}
    assert_nothing_is_adopted(loaded_entry)
    (listed,) = (await act(hass, loaded_entry, "list_certificates"))["certificates"]
    assert not listed["trusted"]
