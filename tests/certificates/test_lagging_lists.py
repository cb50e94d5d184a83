"""Tests of lists that still show a certificate as revoked which somebody has just reactivated."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.common import (
    CERTIFICATE_ID,
    HOSTNAME,
    act,
    add_known_certificate,
    reported,
    settle,
    setup_integration,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import certificates
from tests.faults import Faults
from tests.restarts import restarted, same_account

from .creating import REVOKE, press
from .helpers import look_often, restoring
from .test_hidden_zones import look_again
from .test_out_of_reach import remove_device

pytestmark = with_device

OLD = "7bf7f70c-7600-42e1-81c4-00000000000a"


def list_as(sandbox: Sandbox, status: CertificateStatus) -> None:
    """Have Cloudflare list the certificate with a status."""
    zone_of(sandbox).certificates[CERTIFICATE_ID].status = status


def was_revoked(sandbox: Sandbox, certificate_id: str = CERTIFICATE_ID) -> bool:
    """Return whether Cloudflare was asked to revoke a certificate since the journal was cleared."""
    return any(
        write.method == "DELETE" and write.path.endswith(certificate_id)
        for write in sandbox.journal.writes
    )


@pytest.fixture
async def revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> MockConfigEntry:
    """Return an account whose device was revoked a while ago."""
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    sandbox.journal.clear()
    return ready


async def restore_without_answer(
    hass: HomeAssistant, sandbox: Sandbox, faults: Faults, entry: MockConfigEntry
) -> None:
    """Restore the certificate, which a list does not show yet and nobody was told."""
    path = f"/client_certificates/{CERTIFICATE_ID}"
    faults.unavailable("PATCH", path, after_write=True)
    with pytest.raises(HomeAssistantError):
        await restoring(hass, entry)
    faults.clear()
    await settle(hass)
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    list_as(sandbox, CertificateStatus.REVOKED)


async def order_in_vain(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    kind: str,
    *,
    by_id: bool,
) -> None:
    """Have a person order a revocation that Cloudflare refuses, or does not answer."""
    if kind == "refused":
        faults.refuse("DELETE", "/client_certificates", 400, 1400, "No")
    else:
        faults.unavailable("DELETE", "/client_certificates")
    order = (
        act(hass, entry, "revoke_certificate", certificate_id=CERTIFICATE_ID)
        if by_id
        else press(hass, REVOKE)
    )
    with pytest.raises(HomeAssistantError):
        await order
    await settle(hass)


async def test_revoked_after_a_restoration_without_an_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    revoked: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """*Revoke* asks Cloudflare all the same."""
    await restore_without_answer(hass, sandbox, faults, revoked)
    await press(hass, REVOKE)
    assert was_revoked(sandbox)


async def test_removed_after_a_restoration_without_an_answer(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    revoked: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody believes the list: the certificate is revoked with its device."""
    await restore_without_answer(hass, sandbox, faults, revoked)
    await remove_device(hass, revoked)
    assert was_revoked(sandbox)
    assert reported(hass) == set()


async def test_revoked_after_somebody_reactivated_it(
    hass: HomeAssistant, sandbox: Sandbox, revoked: MockConfigEntry
) -> None:
    """The dashboard shows it as active, and the list does not yet."""
    await press(hass, REVOKE)
    assert was_revoked(sandbox)


@pytest.mark.parametrize("seconds", [10, 80])
async def test_revoked_again_right_after_somebody_reactivated_it(
    hass: HomeAssistant,
    sandbox: Sandbox,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    seconds: int,
) -> None:
    """What was written here a moment ago is believed, but not when somebody revokes."""
    await press(hass, REVOKE)
    await settle(hass)
    freezer.tick(seconds)
    list_as(sandbox, CertificateStatus.ACTIVE)
    await press(hass, REVOKE)
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert reported(hass) == set()


@pytest.mark.parametrize("seconds", [20, 300])
async def test_refused_right_after_somebody_reactivated_it(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    seconds: int,
) -> None:
    """The list still says that it is revoked: the person is told, and the order stays."""
    await press(hass, REVOKE)
    await settle(hass)
    freezer.tick(seconds)
    faults.refuse("DELETE", "/client_certificates", 400, 1400, "No", times=1)

    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, REVOKE)
    await settle(hass)

    assert raised.value.translation_key == "revocation_incomplete"
    list_as(sandbox, CertificateStatus.ACTIVE)
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert reported(hass) == set()


@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize("kind", ["refused", "unanswered"])
async def test_ordered_after_somebody_revoked_and_reactivated_it_unseen(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    kind: str,
    by_id: bool,
) -> None:
    """A list of moments after the order is of before the reactivation: the order stays."""
    await look_often(hass, freezer)
    list_as(sandbox, CertificateStatus.REVOKED)
    await order_in_vain(hass, faults, ready, kind, by_id=by_id)
    await wait_for_refresh(hass, freezer, timedelta(seconds=30))
    await act(hass, ready, "verify", hostname=HOSTNAME)
    await settle(hass)

    faults.clear()
    list_as(sandbox, CertificateStatus.ACTIVE)
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert reported(hass) == set()


async def test_restarted_after_somebody_revoked_and_reactivated_it_unseen(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody knows how long before the start the order was given."""
    await look_often(hass, freezer)
    list_as(sandbox, CertificateStatus.REVOKED)
    await order_in_vain(hass, faults, ready, "unanswered", by_id=False)
    account = same_account(ready)
    async with restarted(hass) as again:
        await setup_integration(again, account)

        faults.clear()
        list_as(sandbox, CertificateStatus.ACTIVE)
        await look_often(again, freezer)
        assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
        assert reported(again) == set()


async def test_reactivated_long_after_a_refusal(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Once a list has shown what came of an order, the order is over: a person is asked again."""
    await press(hass, REVOKE)
    await look_again(hass, freezer)
    faults.refuse("DELETE", "/client_certificates", 400, 1400, "No", times=1)
    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE)
    await look_often(hass, freezer)

    list_as(sandbox, CertificateStatus.ACTIVE)
    await look_often(hass, freezer)

    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    assert reported(hass) == {"unknown_certificates"}


async def test_device_removed_right_after_somebody_reactivated_its_certificate(
    hass: HomeAssistant,
    sandbox: Sandbox,
    revoked: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The device is remembered until a list can show that."""
    await remove_device(hass, revoked)
    list_as(sandbox, CertificateStatus.ACTIVE)
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert reported(hass) == set()
    assert not revoked.runtime_data.protection.removals.devices


async def test_refusal_for_what_is_listed_as_revoked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    ready: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The person is told that it may be valid; no repair stays, as later lists show that it is not."""
    await add_known_certificate(
        hass, ready, sandbox, certificate_id=OLD, status=CertificateStatus.REVOKED
    )
    await look_again(hass, freezer)
    faults.refuse("DELETE", f"/client_certificates/{OLD}", 400, 1400, "No")

    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, REVOKE)
    await look_often(hass, freezer)

    assert raised.value.translation_key == "revocation_incomplete"
    assert set(certificates(sandbox).values()) == {"revoked"}
    assert reported(hass) == set()
