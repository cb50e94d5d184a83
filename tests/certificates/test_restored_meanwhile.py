"""Tests of restorations that meet something under way: an old list, a late answer, a pass that revokes."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.state import CertificateStatus, Zone
from tests.common import (
    BLOCK_REF,
    CERTIFICATE_ID,
    act,
    add_known_certificate,
    reported,
    settle,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import certificates, fetch, link_of
from tests.faults import Faults

from .creating import REVOKE, mint, press
from .helpers import DAY, look_often, restoring, trusted
from .test_during_a_pass import SECOND, turn_often
from .test_hidden_zones import HOUR, look_again, second
from .test_out_of_reach import show_again
from .test_pinning import choose_pinning, pinned

__all__ = ["second"]

pytestmark = with_device

THERE = "there"


async def revoke_refused(
    hass: HomeAssistant, entry: MockConfigEntry, faults: Faults, certificate_id: str
) -> None:
    """Revoke a certificate, and have Cloudflare not do it."""
    refusal = faults.unavailable("DELETE", f"/client_certificates/{certificate_id}")
    with pytest.raises(HomeAssistantError):
        await act(hass, entry, "revoke_certificate", certificate_id=certificate_id)
    await turn_often()
    refusal.times = 0


async def test_restoration_that_failed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing came of it, so the revocation holds when somebody reactivates it days later."""
    await choose_pinning(hass, ready)
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    faults.unavailable("PATCH", "/client_certificates")
    with pytest.raises(HomeAssistantError):
        await act(hass, ready, "restore_certificate", certificate_id=CERTIFICATE_ID)
    faults.clear()
    for _ in range(24):
        await wait_for_refresh(hass, freezer, HOUR)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"

    zone_of(sandbox).certificates[CERTIFICATE_ID].status = CertificateStatus.ACTIVE
    await look_again(hass, freezer)

    assert (await trusted(hass, ready))[CERTIFICATE_ID] is False
    assert pinned(sandbox, BLOCK_REF) != {CERTIFICATE_ID}
    assert "unknown_certificates_pinned" in reported(hass)


async def test_revoked_again_during_the_look_that_follows(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What was listed before the restoration is not taken for the end of the new revocation."""
    await act(hass, ready, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await look_again(hass, freezer)
    hold = asyncio.Event()
    slow = faults.add("GET", "/dns_records", hold=hold, times=1)
    restored = restoring(hass, ready)
    await slow.until_hit()

    await revoke_refused(hass, ready, faults, CERTIFICATE_ID)
    hold.set()
    await restored
    await settle(hass)
    await look_often(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"


async def test_revoked_again_during_a_pass(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The end of a pass that began before the restoration drops no mark."""
    await add_known_certificate(hass, ready, sandbox, certificate_id=SECOND)
    await look_again(hass, freezer)
    await act(hass, ready, "revoke_certificate", certificate_id=SECOND)
    await look_again(hass, freezer)
    await revoke_refused(hass, ready, faults, CERTIFICATE_ID)
    await settle(hass)
    hold = asyncio.Event()
    slow = faults.add("DELETE", "/client_certificates", hold=hold, times=1)
    await ready.runtime_data.protection.async_refresh()
    await slow.until_hit()

    await restoring(hass, ready, SECOND)
    await revoke_refused(hass, ready, faults, SECOND)
    hold.set()
    await settle(hass)
    await look_often(hass, freezer)

    assert certificates(sandbox)[SECOND] == "revoked"


async def test_bundle_is_fetched_before_it_is_seen_restored(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Another look at the old list does not write that the restored one is revoked."""
    await act(hass, entry, "revoke_certificate", certificate_id=THERE)
    await look_again(hass, freezer)
    link = link_of(hass, await mint(hass, entry))
    sent, listed = asyncio.Event(), asyncio.Event()
    patch = faults.add("PATCH", f"/client_certificates/{THERE}", hold=sent, times=1)
    restored = restoring(hass, entry, THERE)
    await patch.until_hit()
    listing = faults.unavailable("GET", f"{second.id}/client_certificates", hold=listed)
    sent.set()
    await listing.until_hit()
    await fetch(await hass_client_no_auth(), link)
    await turn_often()
    listed.set()
    await restored
    await settle(hass)
    (device_id,) = (
        key for key, item in entry.subentries.items() if item.title == "Pixel 8"
    )
    hass.config_entries.async_remove_subentry(entry, device_id)
    await settle(hass)

    await wait_for_refresh(hass, freezer, HOUR)
    assert reported(hass) == {"revocation_not_seen"}
    await show_again(hass, sandbox, faults, freezer)
    assert second.certificates[THERE].status == "revoked"


async def test_restored_while_rules_are_read_before_a_revocation(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A pass that waits for another writer asks again whether it is still to be revoked."""
    await revoke_refused(hass, ready, faults, CERTIFICATE_ID)
    await settle(hass)
    protection = ready.runtime_data.protection
    async with protection.async_writing():
        await protection.async_refresh()
        await turn_often()
        await restoring(hass, ready)
    await settle(hass)
    await look_often(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert reported(hass) == set()


async def test_replaced_one_is_restored_and_not_seen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """It is no longer outdated, although the look that follows fails."""
    await add_known_certificate(hass, ready, sandbox, certificate_id=SECOND)
    await look_again(hass, freezer)
    renewed = await act(
        hass,
        ready,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
        revoke_old_after=1,
    )
    await fetch(await hass_client_no_auth(), link_of(hass, renewed))
    freezer.tick(DAY)
    hold = asyncio.Event()
    slow = faults.add("DELETE", "/client_certificates", hold=hold, times=1)
    await ready.runtime_data.protection.async_refresh()
    await slow.until_hit()
    [*_, held] = [path for method, path in faults.requests if method == "DELETE"]
    other = SECOND if held.endswith(CERTIFICATE_ID) else CERTIFICATE_ID
    faults.unavailable("GET", "/dns_records")

    await restoring(hass, ready, other)
    hold.set()
    await settle(hass)
    faults.clear()
    await look_often(hass, freezer)

    assert certificates(sandbox)[other] == "active"


async def test_restored_before_the_answer_to_its_revocation_came(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The restoration waits for that answer, and comes after it: the device is let in."""
    await choose_pinning(hass, ready)
    hold = asyncio.Event()
    fault = faults.add(
        "DELETE", "/client_certificates", hold=hold, after_write=True, times=1
    )
    revoking = hass.async_create_task(
        act(hass, ready, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    )
    await fault.until_hit()
    while certificates(sandbox)[CERTIFICATE_ID] == "active":
        await asyncio.sleep(0)

    restored = restoring(hass, ready)
    await turn_often()
    assert not restored.done()
    # Which of two requests is the later one, their times tell.
    freezer.tick(1)
    hold.set()
    await revoking
    await restored
    await settle(hass)
    await look_often(hass, freezer)

    assert (await trusted(hass, ready))[CERTIFICATE_ID] is True
    assert len(pinned(sandbox, BLOCK_REF) or ()) == 1
    assert reported(hass) == set()


@pytest.mark.parametrize("by_id", [False, True], ids=["button", "action"])
async def test_restored_while_its_revocation_is_on_its_way(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    by_id: bool,
) -> None:
    """Cloudflare has not carried it out when the person restores: the restoration comes after it."""
    hold = asyncio.Event()
    fault = faults.add("DELETE", "/client_certificates", hold=hold, times=1)
    order = (
        act(hass, home, "revoke_certificate", certificate_id=CERTIFICATE_ID)
        if by_id
        else press(hass, REVOKE)
    )
    revoking = hass.async_create_task(order)
    await fault.until_hit()
    restored = restoring(hass, home)
    await turn_often()
    assert not restored.done()
    freezer.tick(1)

    hold.set()
    await revoking
    await restored
    await settle(hass)
    await look_often(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert (await trusted(hass, home))[CERTIFICATE_ID] is True
    assert len(pinned(sandbox, BLOCK_REF) or ()) == 1
    assert reported(hass) == set()


async def test_restored_after_a_revocation_that_is_not_listed_yet(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    home: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its answer was lost, and Cloudflare's list lags behind: it is restored all the same."""
    faults.unavailable("DELETE", "/client_certificates", after_write=True)
    with pytest.raises(HomeAssistantError):
        await act(hass, home, "revoke_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    faults.clear()
    listed = zone_of(sandbox).certificates[CERTIFICATE_ID]
    assert listed.status == "revoked"
    listed.status = CertificateStatus.ACTIVE
    hold = asyncio.Event()
    late = faults.add(
        "GET", "/client_certificates", hold=hold, after_write=True, times=1
    )
    restored = restoring(hass, home)
    await late.until_hit()
    await turn_often()
    listed.status = CertificateStatus.REVOKED
    hold.set()
    await restored
    await settle(hass)
    await look_often(hass, freezer)

    assert listed.status == "active"
    assert (await trusted(hass, home))[CERTIFICATE_ID] is True
    assert reported(hass) == set()


async def test_refused_revocation_is_taken_back_and_not_seen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The repair that it has to be revoked goes, also where its list fails from then on."""
    faults.unavailable("DELETE", f"/client_certificates/{THERE}")
    with pytest.raises(HomeAssistantError):
        await act(hass, entry, "revoke_certificate", certificate_id=THERE)
    await settle(hass)
    assert reported(hass) == {"revocation_pending"}
    hold = asyncio.Event()
    listing = faults.add("GET", "/client_certificates", hold=hold, times=2)
    restored = restoring(hass, entry, THERE)
    await listing.until_hit()
    await turn_often()
    faults.unavailable("GET", f"{second.id}/client_certificates")
    hold.set()
    await restored
    await settle(hass)
    await look_often(hass, freezer)

    assert reported(hass) == set()


@pytest.mark.parametrize("by_id", [False, True], ids=["button", "action"])
async def test_restored_while_rules_are_read_before_an_ordered_revocation(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    by_id: bool,
) -> None:
    """The later order of a person holds."""
    async with ready.runtime_data.protection.async_writing():
        order = (
            act(hass, ready, "revoke_certificate", certificate_id=CERTIFICATE_ID)
            if by_id
            else press(hass, REVOKE)
        )
        revoking = hass.async_create_task(order)
        await turn_often()
        await restoring(hass, ready)
    await revoking
    await settle(hass)
    await look_often(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert reported(hass) == set()
