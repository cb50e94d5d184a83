"""Tests of two orders about one certificate, given in two places: the later one holds, or the person is told."""

import asyncio
from contextlib import suppress
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
from tests.common import (
    CERTIFICATE_ID,
    DEVICE_ID,
    EDGE_EVERY,
    act,
    add_certificate,
    add_known_certificate,
    issues,
    records_of,
    reported,
    settle,
    setup_integration,
    state_of,
    submit,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import (
    add,
    certificates,
    fetch,
    link_of,
    open_options,
    renew_and_test,
)
from tests.faults import Faults
from tests.restarts import same_account, started_again

from .creating import REVOKE, press
from .helpers import look_often, restoring, trusted
from .test_during_a_pass import turn_often

pytestmark = with_device


async def test_restored_while_a_revocation_by_id_reads_the_list(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The later order of a person holds."""
    # What reads the list by itself is over.
    await settle(hass)
    hold = asyncio.Event()
    slow = faults.add("GET", "/client_certificates", hold=hold, times=1)
    revoking = hass.async_create_task(
        act(hass, ready, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    )
    await slow.until_hit()
    freezer.tick(1)
    await restoring(hass, ready)
    hold.set()
    await revoking
    await look_often(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert (await trusted(hass, ready))[CERTIFICATE_ID] is True


@pytest.mark.parametrize("by_id", [False, True])
async def test_restored_while_it_is_revoked_a_second_time(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    by_id: bool,
) -> None:
    """It was revoked already; the second press is on its way when the person restores."""
    await press(hass, REVOKE)
    await settle(hass)
    await look_often(hass, freezer)
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/client_certificates", hold=hold, times=1)
    order = (
        act(hass, ready, "revoke_certificate", certificate_id=CERTIFICATE_ID)
        if by_id
        else press(hass, REVOKE)
    )
    revoking = hass.async_create_task(order)
    await fault.until_hit()
    freezer.tick(1)
    restored = restoring(hass, ready)
    await turn_often()
    freezer.tick(1)
    hold.set()
    await revoking
    await restored
    await look_often(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert (await trusted(hass, ready))[CERTIFICATE_ID] is True


@pytest.mark.parametrize("revoked_before", [False, True])
async def test_confirmed_older_certificate_of_a_device_with_a_newer_one(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    *,
    revoked_before: bool,
) -> None:
    """What a person confirms is not revoked a moment later."""
    await add_certificate(sandbox, certificate_id="lost", device_id=DEVICE_ID)
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    assert await async_setup_component(hass, "repairs", {})
    phone = await hass_client_no_auth()
    await renew_and_test(hass, phone, entry, CERTIFICATE_ID)
    if revoked_before:
        await act(hass, entry, "revoke_certificate", certificate_id="lost")
    await wait_for_refresh(hass, freezer, timedelta(days=9))
    if revoked_before:
        zone_of(sandbox).certificates["lost"].status = CertificateStatus.ACTIVE
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert "unknown_certificates" in reported(hass)

    dialogs = hass.data["repairs"]["flow_manager"]
    issue_id = issues(hass)["unknown_certificates"]
    menu = await dialogs.async_init("cloudflare_mtls", data={"issue_id": issue_id})
    await dialogs.async_configure(menu["flow_id"], {"next_step_id": "confirm"})
    done = await dialogs.async_configure(menu["flow_id"], {"certificates": ["lost"]})
    assert done["type"] == "create_entry"
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert certificates(sandbox)["lost"] == "active"
    assert (await trusted(hass, entry))["lost"] is True


async def test_confirmed_in_another_tab_while_others_are_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """All that were selected are revoked, and nobody is told that one of them was confirmed."""
    for name in ("aaa", "bbb"):
        await add_certificate(sandbox, certificate_id=name, organization="Somebody")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert await async_setup_component(hass, "repairs", {})
    dialogs = hass.data["repairs"]["flow_manager"]
    issue_id = issues(hass)["unknown_certificates"]
    first = await dialogs.async_init("cloudflare_mtls", data={"issue_id": issue_id})
    await dialogs.async_configure(first["flow_id"], {"next_step_id": "revoke"})
    second = await dialogs.async_init("cloudflare_mtls", data={"issue_id": issue_id})
    await dialogs.async_configure(second["flow_id"], {"next_step_id": "confirm"})
    hold = asyncio.Event()
    slow = faults.add("DELETE", "/client_certificates/aaa", hold=hold, times=1)
    revoking = hass.async_create_task(
        dialogs.async_configure(first["flow_id"], {"certificates": ["aaa", "bbb"]})
    )
    await slow.until_hit()
    done = await dialogs.async_configure(second["flow_id"], {"certificates": ["bbb"]})
    hold.set()
    await revoking
    await look_often(hass, freezer)
    assert done["reason"] == "nothing_confirmed"
    assert certificates(sandbox)["bbb"] == "revoked"


@pytest.mark.parametrize("everything", [False, True], ids=["hostname", "everything"])
async def test_home_assistant_stops_while_a_hostname_is_taken_down(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    *,
    everything: bool,
) -> None:
    """What a person ordered was stored first: it is done after the start."""
    phone = await hass_client_no_auth()
    renewed = await act(
        hass,
        ready,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
    )
    await fetch(phone, link_of(hass, renewed))
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/dns_records", hold=hold, after_write=True)
    if everything:
        form = await open_options(hass, ready, "remove")
        options = hass.config_entries.options
        revoking = {"revoke_certificates": True}
        task = hass.async_create_task(
            options.async_configure(form["flow_id"], revoking)
        )
    else:
        removal = act(hass, ready, "sync", remove=True)
        task = hass.async_create_task(removal)  # type: ignore[arg-type]  # either result
    await fault.until_hit()
    while records_of(sandbox):
        await asyncio.sleep(0)
    account = same_account(ready)
    async with started_again(hass) as again:
        faults.clear()
        await setup_integration(again, account)
        await settle(again)
        # Before any time passes: the Home Assistant that was stopped gives up after a while,
        # and then protects the hostname again.
        found, left = certificates(sandbox), records_of(sandbox)
        await look_often(again, freezer)
        assert reported(again) == set()
        assert not account.get_subentries_of_type("protected_hostname")
    fault.body, fault.status = "", 500
    faults.unavailable("*", "")
    hold.set()
    with suppress(Exception):
        await task
    assert left == []
    assert (found[renewed["certificate_id"]] == "revoked") is everything


async def test_confirmed_after_it_was_revoked_in_another_tab(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The dialog does not end as if it had been confirmed."""
    await add_certificate(sandbox, certificate_id="aaa", organization="Somebody")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert await async_setup_component(hass, "repairs", {})
    dialogs = hass.data["repairs"]["flow_manager"]
    issue_id = issues(hass)["unknown_certificates"]
    tabs = {}
    for step in ("confirm", "revoke"):
        flow = await dialogs.async_init("cloudflare_mtls", data={"issue_id": issue_id})
        tabs[step] = flow["flow_id"]
        await dialogs.async_configure(tabs[step], {"next_step_id": step})
    await dialogs.async_configure(tabs["revoke"], {"certificates": ["aaa"]})
    await settle(hass)
    done = await dialogs.async_configure(tabs["confirm"], {"certificates": ["aaa"]})
    assert done["reason"] == "nothing_confirmed"


async def test_revoked_after_it_became_a_devices_in_another_tab(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The list did not say that it has an owner."""
    await add_certificate(sandbox, certificate_id="aaa", organization="Somebody")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert await async_setup_component(hass, "repairs", {})
    dialogs = hass.data["repairs"]["flow_manager"]
    issue_id = issues(hass)["unknown_certificates"]
    flow = await dialogs.async_init("cloudflare_mtls", data={"issue_id": issue_id})
    await dialogs.async_configure(flow["flow_id"], {"next_step_id": "revoke"})
    adopting = await submit(hass, await add(hass, ready), {"next_step_id": "adopt"})
    typed = {"certificate": "aaa", "name": "Tablet", "system": "android"}
    assert (await submit(hass, adopting, typed))["type"] == "create_entry"
    await settle(hass)

    done = await dialogs.async_configure(flow["flow_id"], {"certificates": ["aaa"]})
    await settle(hass)
    assert done["reason"] == "nothing_confirmed"
    assert certificates(sandbox)["aaa"] == "active"
    assert state_of(hass, "sensor.tablet_certificate_status") == "active"
