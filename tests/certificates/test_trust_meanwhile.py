"""Tests of trust in certificates while they are created, or while their device is removed."""

import asyncio
from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.certificates.creating import REVOKE, press
from tests.certificates.helpers import look_often, through_dialog, told, trusted
from tests.certificates.test_confirming_what_is_gone import browser
from tests.certificates.test_pinning import choose_pinning, pinned
from tests.certificates.test_unknown_certificates import select, to_step
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    add_known_certificate,
    fingerprint_of,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import CHOSEN, Client, add
from tests.faults import Faults


async def look(hass: HomeAssistant, home: MockConfigEntry) -> None:
    """Look at Cloudflare now: a browser stays logged in for half an hour only."""
    await home.runtime_data.protection.async_refresh()
    await settle(hass)


@with_device
async def test_listed_before_its_record_is_written(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
) -> None:
    """A refresh while Cloudflare's answer is on its way takes the certificate for ours."""
    await add_known_certificate(hass, loaded_entry, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    hold = asyncio.Event()
    faults.add("POST", "/client_certificates", after_write=True, hold=hold)
    renewing = hass.async_create_task(
        act(hass, loaded_entry, "renew_certificate", certificate_id=CERTIFICATE_ID)
    )
    while len(zone_of(sandbox).certificates) == 1:
        await asyncio.sleep(0)

    await loaded_entry.runtime_data.protection.async_refresh()
    hold.set()
    renewed = (await renewing)["certificate_id"]
    await settle(hass)

    assert told(events) == ["renewed"]
    assert reported(hass) == {"certificate_ready"}
    assert await trusted(hass, loaded_entry) == {CERTIFICATE_ID: True, renewed: True}


async def test_created_for_a_device_that_is_removed_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    client: Client,
    events: list[Event],
) -> None:
    """The certificate is revoked by its record; one that comes back afterwards is told."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    (subentry,) = loaded_entry.get_subentries_of_type("companion_device")
    (certificate,) = zone_of(sandbox).certificates.values()
    assert reported(hass) == set()

    hass.config_entries.async_remove_subentry(loaded_entry, subentry.subentry_id)
    await settle(hass)
    assert certificate.status == "revoked"
    # Until a later list shows that, the order stays: it would be revoked again.
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    events.clear()

    certificate.status = CertificateStatus.ACTIVE
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert told(events) == ["unknown_certificate"]
    assert reported(hass) == {"unknown_certificates"}


@with_device
@pytest.mark.parametrize("restarts", [False, True], ids=["", "restarted"])
async def test_revoked_here_and_reactivated_elsewhere(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    restarts: bool,
) -> None:
    """Who may have certificates signed may reactivate one: it is told, and never pinned."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await choose_pinning(hass, entry)
    await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    if restarts:
        await hass.config_entries.async_reload(entry.entry_id)
    freezer.tick(timedelta(hours=1))

    zone_of(sandbox).certificates[CERTIFICATE_ID].status = CertificateStatus.ACTIVE
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert pinned(sandbox, BLOCK_REF) is None
    assert "unknown_certificates_pinned" in reported(hass)
    assert await trusted(hass, entry) == {CERTIFICATE_ID: False}

    await act(hass, entry, "restore_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    assert await trusted(hass, entry) == {CERTIFICATE_ID: True}
    assert "unknown_certificates_pinned" not in reported(hass)


@with_device
async def test_revoked_elsewhere_then_here_and_reactivated(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The button means every certificate of the device, also one that is revoked already."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await choose_pinning(hass, entry)
    certificate = zone_of(sandbox).certificates[CERTIFICATE_ID]
    certificate.status = CertificateStatus.REVOKED
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    await press(hass, REVOKE)
    certificate.status = CertificateStatus.ACTIVE
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert pinned(sandbox, BLOCK_REF) is None
    assert await trusted(hass, entry) == {CERTIFICATE_ID: False}


@with_device
@pytest.mark.parametrize("restarts", [False, True], ids=["", "restarted"])
async def test_revoked_elsewhere_and_reactivated_elsewhere(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    events: list[Event],
    restarts: bool,
) -> None:
    """Nobody here knows why it was revoked, so a person confirms it before it is accepted again."""
    certificate = zone_of(sandbox).certificates[CERTIFICATE_ID]
    certificate.status = CertificateStatus.REVOKED
    await look(hass, home)
    assert told(events) == ["revoked"]
    if restarts:
        await hass.config_entries.async_reload(home.entry_id)

    certificate.status = CertificateStatus.ACTIVE
    await look(hass, home)

    assert told(events) == ["unknown_certificate"]
    assert "unknown_certificates_pinned" in reported(hass)
    assert pinned(sandbox, BLOCK_REF) is None
    assert await trusted(hass, home) == {CERTIFICATE_ID: False}

    client = await browser(hass, hass_client)
    flow = await to_step(hass, client, "confirm", "unknown_certificates_pinned")
    await select(hass, client, flow, CERTIFICATE_ID)
    await look(hass, home)
    assert reported(hass) == set()
    assert pinned(sandbox, BLOCK_REF) == {fingerprint_of(certificate.certificate)}


@with_device
async def test_revoked_elsewhere_and_restored_here(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
) -> None:
    """A person ordered that, so nothing is asked."""
    certificate = zone_of(sandbox).certificates[CERTIFICATE_ID]
    certificate.status = CertificateStatus.REVOKED
    await look_often(hass, freezer)

    await act(hass, home, "restore_certificate", certificate_id=CERTIFICATE_ID)
    for _ in range(2):
        await look_often(hass, freezer)

    assert told(events) == ["revoked", "restored"]
    assert reported(hass) == set()
    assert pinned(sandbox, BLOCK_REF) == {fingerprint_of(certificate.certificate)}


@with_device
async def test_backup_from_before_a_revocation(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The store knows nothing of it: that it is seen revoked once is enough."""
    await add_known_certificate(hass, entry, sandbox, status=CertificateStatus.REVOKED)
    await setup_integration(hass, entry)
    await choose_pinning(hass, entry)

    zone_of(sandbox).certificates[CERTIFICATE_ID].status = CertificateStatus.ACTIVE
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert pinned(sandbox, BLOCK_REF) is None
    assert await trusted(hass, entry) == {CERTIFICATE_ID: False}


@with_device
async def test_revoked_and_reactivated_elsewhere_during_a_pass(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """That it was revoked is noticed although another revocation waits for its answer."""
    await add_known_certificate(hass, home, sandbox, certificate_id="other")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    refusal = faults.unavailable("DELETE", "/client_certificates")
    with pytest.raises(HomeAssistantError):
        await act(hass, home, "revoke_certificate", certificate_id="other")
    await settle(hass)
    refusal.times = 0
    hold = asyncio.Event()
    slow = faults.add("DELETE", "/client_certificates", hold=hold, times=1)
    protection = home.runtime_data.protection
    await protection.async_refresh()
    await slow.until_hit()
    certificate = zone_of(sandbox).certificates[CERTIFICATE_ID]

    certificate.status = CertificateStatus.REVOKED
    await protection.async_refresh()
    certificate.status = CertificateStatus.ACTIVE
    await protection.async_refresh()
    hold.set()
    await settle(hass)

    assert (await trusted(hass, home))[CERTIFICATE_ID] is False
    assert pinned(sandbox, BLOCK_REF) is None


@with_device
@pytest.mark.parametrize("lost", [1, 2])
async def test_revocation_whose_answer_got_lost_and_reactivated(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    lost: int,
) -> None:
    """Once it is revoked again, or seen revoked, that is remembered as well."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await choose_pinning(hass, entry)
    faults.unavailable("DELETE", "/client_certificates", after_write=True, times=lost)
    with pytest.raises(HomeAssistantError):
        await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    zone_of(sandbox).certificates[CERTIFICATE_ID].status = CertificateStatus.ACTIVE
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert pinned(sandbox, BLOCK_REF) is None
    assert await trusted(hass, entry) == {CERTIFICATE_ID: False}
