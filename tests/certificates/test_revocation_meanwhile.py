"""Tests of revocations while something else is under way for the device: it must not outlive them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.certificates.creating import RENEW, REVOKE, active, press, renew
from tests.certificates.helpers import trusted
from tests.certificates.stages import Stages
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    reported,
    settle,
    wait_for_refresh,
    with_device,
)
from tests.dialogs import certificates, handovers_of
from tests.faults import Faults

pytestmark = with_device


def restore(hass: HomeAssistant, entry: MockConfigEntry) -> Coroutine[Any, Any, Any]:
    """Restore the device's certificate."""
    return act(hass, entry, "restore_certificate", certificate_id=CERTIFICATE_ID)


async def revoke(hass: HomeAssistant, entry: MockConfigEntry, how: str) -> None:
    """Revoke the device's certificate in one of the ways in which a person can."""
    match how:
        case "button":
            await press(hass, REVOKE)
        case "action":
            await act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
        case "removal":
            (device,) = entry.get_subentries_of_type("companion_device")
            hass.config_entries.async_remove_subentry(entry, device.subentry_id)
        case "button after a reload":
            await hass.config_entries.async_reload(entry.entry_id)
            await press(hass, REVOKE)


async def outcome(task: asyncio.Task[Any]) -> str | None:
    """Return what a person reads of a task that fails, by its translation key; None if it succeeds."""
    await asyncio.wait([task])
    err = task.exception()
    assert err is None or isinstance(err, HomeAssistantError)
    return err.translation_key if err else None


@pytest.fixture
async def revoked(hass: HomeAssistant, home: MockConfigEntry) -> MockConfigEntry:
    """Return an account whose device has a revoked certificate."""
    await press(hass, REVOKE)
    await settle(hass)
    return home


async def until_active(sandbox: Sandbox, count: int) -> None:
    """Wait until Cloudflare has this many active certificates; time may stand still."""
    while len(active(sandbox)) != count:
        await asyncio.sleep(0)


@pytest.mark.parametrize("done", [False, True], ids=["asked", "done"])
@pytest.mark.parametrize(
    "how", ["button", "action", "removal", "button after a reload"]
)
async def test_revoked_while_it_is_being_restored(
    hass: HomeAssistant,
    sandbox: Sandbox,
    revoked: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    how: str,
    done: bool,
) -> None:
    """The revocation was wanted last, whether Cloudflare carried out the restoration or not yet."""
    go = asyncio.Event()
    fault = faults.add(
        "PATCH", "/client_certificates/", hold=go, times=1, after_write=done
    )
    restoring = hass.async_create_task(restore(hass, revoked))
    await fault.until_hit()
    if done:
        await until_active(sandbox, 1)

    await revoke(hass, revoked, how)
    go.set()
    said = await outcome(restoring)
    await settle(hass)

    assert said == "restoration_stopped"
    assert active(sandbox) == set()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()
    # Nor is it trusted again if somebody reactivates it at Cloudflare.
    assert await trusted(hass, revoked) == {CERTIFICATE_ID: False}


async def test_second_revocation_that_cloudflare_refuses(
    hass: HomeAssistant,
    sandbox: Sandbox,
    revoked: MockConfigEntry,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is tried again, a repair says so, and no rule accepts the certificate."""
    go = asyncio.Event()
    fault = faults.add("PATCH", "/client_certificates/", hold=go, times=1)
    restoring = hass.async_create_task(restore(hass, revoked))
    await fault.until_hit()
    await press(hass, REVOKE)
    faults.unavailable("DELETE", "/client_certificates/")
    go.set()
    said = await outcome(restoring)
    await settle(hass)

    assert said == "restoration_stopped"
    assert active(sandbox) == {CERTIFICATE_ID}
    assert reported(hass) == {"revocation_pending"}
    assert await trusted(hass, revoked) == {CERTIFICATE_ID: False}
    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert active(sandbox) == set()
    assert reported(hass) == set()


async def test_restoration_that_fails_while_it_is_revoked(
    hass: HomeAssistant, sandbox: Sandbox, revoked: MockConfigEntry, faults: Faults
) -> None:
    """Cloudflare carried it out, and its answer got lost."""
    go = asyncio.Event()
    faults.unavailable("PATCH", "/client_certificates/", hold=go, after_write=True)
    restoring = hass.async_create_task(restore(hass, revoked))
    await until_active(sandbox, 1)
    await press(hass, REVOKE)
    for certificate in sandbox.state.zones[sandbox.zone_id].certificates.values():
        # Cloudflare carries it out only now.
        certificate.status = "active"  # type: ignore[assignment]
    go.set()
    said = await outcome(restoring)
    await settle(hass)

    assert said
    assert active(sandbox) == set()


@pytest.mark.parametrize("how", ["button", "action"])
async def test_revoked_while_a_restoration_looks_for_its_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    revoked: MockConfigEntry,
    faults: Faults,
    how: str,
) -> None:
    """Nothing is restored that a person revoked since."""
    go = asyncio.Event()
    fault = faults.add(
        "GET", "/client_certificates", hold=go, times=1, after_write=True
    )
    restoring = hass.async_create_task(restore(hass, revoked))
    await fault.until_hit()

    await revoke(hass, revoked, how)
    go.set()
    said = await outcome(restoring)
    await settle(hass)

    assert said == "restoration_stopped"
    assert active(sandbox) == set()


async def test_restored_after_a_revocation(
    hass: HomeAssistant, sandbox: Sandbox, revoked: MockConfigEntry
) -> None:
    """A person changes their mind as often as they like."""
    await restore(hass, revoked)
    assert active(sandbox) == {CERTIFICATE_ID}
    await press(hass, REVOKE)
    assert active(sandbox) == set()
    await restore(hass, revoked)
    await settle(hass)
    assert active(sandbox) == {CERTIFICATE_ID}
    assert await trusted(hass, revoked) == {CERTIFICATE_ID: True}


@pytest.mark.parametrize("how", ["button", "removal"])
async def test_revoked_while_a_renewal_looks_for_its_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    home: MockConfigEntry,
    faults: Faults,
    how: str,
) -> None:
    """One that was asked for before the revocation creates nothing."""
    go = asyncio.Event()
    fault = faults.add(
        "GET", "/client_certificates", hold=go, times=1, after_write=True
    )
    renewal = hass.async_create_task(renew(hass, home))
    await fault.until_hit()

    await revoke(hass, home, how)
    go.set()
    said = await outcome(renewal)
    await settle(hass)

    assert said
    assert set(certificates(sandbox)) == {CERTIFICATE_ID}
    assert active(sandbox) == set()
    assert handovers_of(hass) == []


async def test_renewed_after_a_revocation(
    hass: HomeAssistant, sandbox: Sandbox, revoked: MockConfigEntry
) -> None:
    """A lost phone that was found again gets another certificate."""
    created = await renew(hass, revoked)
    assert active(sandbox) == {created["certificate_id"]}


async def test_revoked_by_its_id_while_the_answer_to_its_signing_is_on_its_way(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry, faults: Faults
) -> None:
    """Cloudflare lists it already; it is known by its key, and is not given out."""
    go = asyncio.Event()
    fault = faults.add(
        "POST", "/client_certificates$", hold=go, times=1, after_write=True
    )
    renewal = hass.async_create_task(renew(hass, home))
    await fault.until_hit()
    await until_active(sandbox, 2)
    (new,) = active(sandbox) - {CERTIFICATE_ID}

    await act(hass, home, "revoke_certificate", certificate_id=new)
    go.set()
    said = await outcome(renewal)
    await settle(hass)

    assert said == "creation_stopped"
    assert handovers_of(hass) == []
    assert active(sandbox) == {CERTIFICATE_ID}
    assert reported(hass) == set()


async def test_buttons_do_not_wait_for_each_other(
    hass: HomeAssistant, sandbox: Sandbox, home: MockConfigEntry, stages: Stages
) -> None:
    """Revoke acts at once, although Renew of the same device takes its time."""
    stages.hold("sign")
    renewal = hass.async_create_task(press(hass, RENEW))
    await stages.until_reached()
    revocation = hass.async_create_task(press(hass, REVOKE))
    await asyncio.wait([revocation], timeout=5)
    is_done = revocation.done()
    stages.release()
    await asyncio.gather(renewal, revocation, return_exceptions=True)
    await settle(hass)

    assert is_done
    assert active(sandbox) == set()
    assert handovers_of(hass) == []
