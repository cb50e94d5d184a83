"""Tests of unknown certificates that nothing present stands behind: confirming them ends the question."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.certificates.creating import REVOKE, press
from tests.certificates.helpers import trusted, unreadable
from tests.certificates.test_pinning import choose_pinning, pinned
from tests.certificates.test_trust import GONE, STORE, record, stored
from tests.certificates.test_unknown_certificates import listed, select, to_step
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    COMPANION_ID,
    DEVICE_ID,
    EDGE_EVERY,
    act,
    add_certificate,
    add_known_certificate,
    fingerprint_of,
    issues,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import (
    Client,
    begin_repair,
    certificates,
    confirm_repair,
    renew_and_test,
)


async def browser(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> Client:
    """Return the browser of a person who opens the repairs."""
    assert await async_setup_component(hass, "repairs", {})
    return await hass_client()


@pytest.mark.parametrize("pins", [False, True], ids=["any", "pinned"])
@pytest.mark.parametrize("known_by", ["record", "confirmation", "both"])
async def test_device_that_is_not_there(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
    hass_client: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
    known_by: str,
    pins: bool,
) -> None:
    """The store is older than the account: its device was removed, and the certificate stays."""
    own = await add_certificate(sandbox, device_id=GONE)
    fingerprint = fingerprint_of(own)
    known: dict[str, Any] = {}
    if known_by != "confirmation":
        known["records"] = {CERTIFICATE_ID: record(fingerprint, GONE)}
    if known_by != "record":
        known["confirmed"] = {fingerprint: GONE}
    hass_storage[STORE.format(entry.entry_id)] = stored(entry, **known)
    await setup_integration(hass, entry)
    client = await browser(hass, hass_client)
    if pins:
        await choose_pinning(hass, entry)
    (key,) = reported(hass)

    flow = await to_step(hass, client, "confirm", key)
    assert (await select(hass, client, flow, CERTIFICATE_ID))["type"] == "create_entry"

    for _ in range(2):
        assert reported(hass) == set()
        assert await trusted(hass, entry) == {CERTIFICATE_ID: True}
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    if pins:
        assert pinned(sandbox, BLOCK_REF) == {fingerprint}


@with_device
async def test_record_of_a_device_that_is_not_there_and_a_claim_for_one_that_is(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_storage: dict[str, Any],
    hass_client: ClientSessionGenerator,
) -> None:
    """It belongs to the device that the dialog names, and goes with it."""
    own = await add_certificate(sandbox, device_id=DEVICE_ID)
    records = {CERTIFICATE_ID: record(fingerprint_of(own), GONE)}
    hass_storage[STORE.format(entry.entry_id)] = stored(entry, records=records)
    await setup_integration(hass, entry)
    client = await browser(hass, hass_client)

    flow = await to_step(hass, client, "confirm")
    assert "Pixel 8" in listed(flow)[CERTIFICATE_ID]
    await select(hass, client, flow, CERTIFICATE_ID)
    assert await trusted(hass, entry) == {CERTIFICATE_ID: True}

    await press(hass, REVOKE)
    assert await trusted(hass, entry) == {CERTIFICATE_ID: False}


@with_device
async def test_device_that_is_removed_while_the_dialog_is_open(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The certificate was confirmed, and belongs to no device."""
    await add_certificate(sandbox)
    await setup_integration(hass, entry)
    client = await browser(hass, hass_client)
    flow = await to_step(hass, client, "confirm")
    (device,) = entry.get_subentries_of_type("companion_device")
    hass.config_entries.async_remove_subentry(entry, device.subentry_id)
    await settle(hass)

    await select(hass, client, flow, CERTIFICATE_ID)

    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()
    assert await trusted(hass, entry) == {CERTIFICATE_ID: True}


@with_device
@pytest.mark.parametrize("how", ["by its id", "with its device", "elsewhere"])
@pytest.mark.parametrize("step_id", ["confirm", "revoke"])
async def test_certificate_that_was_revoked_and_reactivated(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client: ClientSessionGenerator,
    step_id: str,
    how: str,
) -> None:
    """The dialog says so: to confirm it takes the revocation back."""
    certificate = zone_of(sandbox).certificates[CERTIFICATE_ID]
    await add_certificate(sandbox, certificate_id="other")
    protection = home.runtime_data.protection
    match how:
        case "by its id":
            await act(hass, home, "revoke_certificate", certificate_id=CERTIFICATE_ID)
        case "with its device":
            hass.config_entries.async_remove_subentry(home, COMPANION_ID)
        case _:
            certificate.status = CertificateStatus.REVOKED
    await settle(hass)
    for status in (CertificateStatus.REVOKED, CertificateStatus.ACTIVE):
        # What was just written here is believed for a minute.
        freezer.tick(80)
        certificate.status = status
        await protection.async_refresh()
        await settle(hass)

    client = await browser(hass, hass_client)
    flow = await to_step(hass, client, step_id, "unknown_certificates_pinned")

    past = "Was revoked, then reactivated at Cloudflare. "
    lines = listed(flow)
    assert lines[CERTIFICATE_ID].startswith(past)
    assert fingerprint_of(certificate.certificate)[:8] in lines[CERTIFICATE_ID]
    assert past not in lines["other"]


@with_device
async def test_confirmed_certificate_replaces_no_other(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """It was proven before it was revoked; the device uses the older one since."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    assert await async_setup_component(hass, "repairs", {})
    phone = await hass_client_no_auth()
    renewed = await renew_and_test(hass, phone, entry, CERTIFICATE_ID)
    newer = renewed["certificate_id"]
    await act(hass, entry, "revoke_certificate", certificate_id=newer)
    await wait_for_refresh(hass, freezer, timedelta(days=9))
    zone_of(sandbox).certificates[newer].status = CertificateStatus.ACTIVE
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    # The token of a browser lasts half an hour, so nobody is logged in any more.
    dialogs = hass.data["repairs"]["flow_manager"]
    issue_id = issues(hass)["unknown_certificates"]
    menu = await dialogs.async_init("cloudflare_mtls", data={"issue_id": issue_id})
    step = {"next_step_id": "confirm"}
    await dialogs.async_configure(menu["flow_id"], step)
    await dialogs.async_configure(menu["flow_id"], {"certificates": [newer]})
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert certificates(sandbox) == {CERTIFICATE_ID: "active", newer: "active"}
    assert await trusted(hass, entry) == {CERTIFICATE_ID: True, newer: True}


async def test_nothing_that_can_be_confirmed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_client: ClientSessionGenerator,
) -> None:
    """The dialog says so, and the repair stays: the certificates are still unknown."""
    await add_certificate(sandbox)
    unreadable(sandbox, CERTIFICATE_ID)
    await setup_integration(hass, entry)
    client = await browser(hass, hass_client)
    (key,) = reported(hass)

    flow = await begin_repair(client, issues(hass)[key])
    flow = await confirm_repair(client, flow, next_step_id="confirm")
    await settle(hass)

    assert flow["type"] == "abort"
    assert flow["reason"] == "nothing_readable"
    assert reported(hass) == {key}
