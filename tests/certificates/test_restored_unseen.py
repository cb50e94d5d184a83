"""Tests of restored certificates that were not seen active since: they count as letting somebody in."""

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
from tests.dialogs import certificates, fetch, link_of, open_options
from tests.faults import HTML_ERROR, Faults

from .creating import REVOKE, press
from .helpers import trusted
from .test_hidden_zones import look_again, move, restart, second
from .test_out_of_reach import Hide, break_down, narrow, remove_device, show_again
from .test_pinning import choose_pinning, pinned

__all__ = ["second"]

pytestmark = with_device

THERE = "there"


async def restore_unseen(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    certificate_id: str,
    *,
    answered: bool = True,
) -> None:
    """Restore a certificate whose list cannot be read from that moment on."""
    hold = asyncio.Event()
    fault = faults.add(
        "PATCH",
        f"/client_certificates/{certificate_id}",
        status=None if answered else 500,
        body=HTML_ERROR,
        after_write=True,
        hold=hold,
        times=1,
    )
    restoring = hass.async_create_task(
        act(hass, entry, "restore_certificate", certificate_id=certificate_id)
    )
    await fault.until_hit()
    faults.unavailable("GET", "/client_certificates")
    hold.set()
    if answered:
        await restoring
    else:
        with pytest.raises(HomeAssistantError):
            await restoring
    await settle(hass)


async def press_revoke(hass: HomeAssistant) -> str | None:
    """Press *Revoke* of the device; return the key of the error."""
    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, REVOKE)
    await settle(hass)
    return raised.value.translation_key


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "answer lost"])
async def test_revoked_again(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    *,
    answered: bool,
) -> None:
    """That it was once seen revoked says nothing about now."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await press(hass, REVOKE)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await restore_unseen(hass, faults, entry, CERTIFICATE_ID, answered=answered)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"

    # Nobody can say whether that is all.
    await press_revoke(hass)
    faults.clear()
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert (await trusted(hass, entry))[CERTIFICATE_ID] is False


async def test_revoked_again_after_its_domain_was_lost(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """*Revoke* says that it could not be revoked, and it is once its domain is there again."""
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    await restore_unseen(hass, faults, entry, THERE)
    faults.clear()
    narrow(sandbox, faults, second)
    await restart(hass, entry)

    assert await press_revoke(hass) == "revocation_incomplete"
    assert reported(hass) == {"revocation_not_seen"}
    await show_again(hass, sandbox, faults, freezer)

    assert second.certificates[THERE].status == "revoked"
    assert reported(hass) == set()


async def test_device_is_removed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its certificate is not forgotten before it was seen, and is revoked."""
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    await restore_unseen(hass, faults, entry, THERE)
    await remove_device(hass, entry)
    faults.clear()
    break_down(sandbox, faults, second)
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == {"revocation_not_seen"}
    await show_again(hass, sandbox, faults, freezer)

    assert second.certificates[THERE].status == "revoked"
    assert reported(hass) == set()


async def test_restored_where_certificates_are_pinned(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The rules accept it at once, seen or not: a person wants it to get in."""
    await choose_pinning(hass, entry)
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    restored = fingerprint_of(second.certificates[THERE].certificate)
    assert restored not in (pinned(sandbox, BLOCK_REF) or ())

    await restore_unseen(hass, faults, entry, THERE)

    assert restored in (pinned(sandbox, BLOCK_REF) or ())


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "answer lost"])
async def test_remove_everything(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    hass_client_no_auth: ClientSessionGenerator,
    *,
    answered: bool,
) -> None:
    """It is listed, and the dialog does not say that all is revoked."""
    second = sandbox.state.add_zone("second.example")
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    renewed = await act(
        hass,
        entry,
        "renew_certificate",
        certificate_id=CERTIFICATE_ID,
        key_type="ec_p256",
    )
    await fetch(await hass_client_no_auth(), link_of(hass, renewed))
    certificate_id = renewed["certificate_id"]
    move(sandbox, certificate_id, second)
    await look_again(hass, freezer)
    await act(hass, entry, "revoke_certificate", certificate_id=certificate_id)
    await look_again(hass, freezer)
    await restore_unseen(hass, faults, entry, certificate_id, answered=answered)
    faults.clear()
    break_down(sandbox, faults, second)

    form = await open_options(hass, entry, "remove")
    assert "Pixel 8" in form["description_placeholders"]["certificates"]
    ended = await hass.config_entries.options.async_configure(
        form["flow_id"], {"revoke_certificates": True}
    )
    await settle(hass)

    assert ended["reason"] == "removed_not_revoked"
    faults.clear()
    await look_again(hass, freezer)
    assert second.certificates[certificate_id].status == "revoked"


@pytest.mark.parametrize("hide", [narrow, break_down])
async def test_seen_revoked_then_revoked_here(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    second: Zone,
    freezer: FrozenDateTimeFactory,
    hide: Hide,
) -> None:
    """Somebody else revoked it, and reactivates it later: what a person wanted here holds."""
    second.certificates[THERE].status = CertificateStatus.REVOKED
    await look_again(hass, freezer)
    hide(sandbox, faults, second)
    await restart(hass, entry)
    try:
        await press(hass, REVOKE)
    except HomeAssistantError:
        # Where the list failed, nobody knows what else there is.
        assert hide is break_down
    await settle(hass)

    second.certificates[THERE].status = CertificateStatus.ACTIVE
    await show_again(hass, sandbox, faults, freezer)

    assert second.certificates[THERE].status == "revoked"
    assert (await trusted(hass, entry))[THERE] is False


async def test_revoked_here_and_reactivated_unseen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """*Revoke* counts once more, also for what was revoked here before."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    zone_of(sandbox).certificates[CERTIFICATE_ID].status = CertificateStatus.ACTIVE
    faults.unavailable("GET", "/client_certificates")

    await press_revoke(hass)
    faults.clear()
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert reported(hass) == set()
