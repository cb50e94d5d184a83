"""Tests of Home Assistant that is restarted while Cloudflare's lists lag behind what it just changed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.clocks import HomeClock
from tests.common import (
    CERTIFICATE_ID,
    act,
    reported,
    settle,
    setup_integration,
    state_of,
    with_device,
    zone_of,
)
from tests.dialogs import certificates, open_options
from tests.faults import Faults
from tests.flows.test_remove_everything import answer
from tests.restarts import restarted, same_account

from .creating import REVOKE, press
from .helpers import STATUS, look_often, told, trusted
from .test_lagging_lists import was_revoked
from .test_out_of_reach import remove_device

pytestmark = with_device

CHANGES = "cloudflare_mtls_certificate"


@pytest.fixture
async def revoked(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    freezer: FrozenDateTimeFactory,
    ready: MockConfigEntry,
) -> MockConfigEntry:
    """Return an account whose device has just been revoked."""
    await press(hass, REVOKE)
    await settle(hass)
    return ready


@pytest.fixture
async def lagging(
    hass: HomeAssistant, revoked: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> AsyncIterator[HomeAssistant]:
    """Return a Home Assistant that started twenty seconds after the last one."""
    async with restarted(hass) as again:
        freezer.tick(20)
        yield again


def list_as(sandbox: Sandbox, status: CertificateStatus) -> None:
    """Have Cloudflare list the certificate with a status."""
    zone_of(sandbox).certificates[CERTIFICATE_ID].status = status


async def catch_up(
    again: HomeAssistant, entry: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """Let the lists catch up, and look again."""
    freezer.tick(80)
    await entry.runtime_data.protection.async_refresh()
    await settle(again)


async def test_restored_a_moment_before(
    hass: HomeAssistant,
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    revoked: MockConfigEntry,
) -> None:
    """A list that still shows the revocation does not take the restoration back."""
    freezer.tick(300)
    await act(hass, revoked, "restore_certificate", certificate_id=CERTIFICATE_ID)
    await settle(hass)
    account = same_account(revoked)
    async with restarted(hass) as again:
        freezer.tick(20)
        list_as(sandbox, CertificateStatus.REVOKED)
        await setup_integration(again, account)
        list_as(sandbox, CertificateStatus.ACTIVE)
        await catch_up(again, account, freezer)

        assert await trusted(again, account) == {CERTIFICATE_ID: True}
        assert state_of(again, STATUS) == "active"
        assert reported(again) == set()


async def test_revoked_a_moment_before(
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    revoked: MockConfigEntry,
    lagging: HomeAssistant,
) -> None:
    """A list that still shows the certificate as active is no reason for an alarm."""
    events: list[Event] = async_capture_events(lagging, CHANGES)
    list_as(sandbox, CertificateStatus.ACTIVE)
    account = same_account(revoked)
    await setup_integration(lagging, account)
    list_as(sandbox, CertificateStatus.REVOKED)
    await catch_up(lagging, account, freezer)

    assert told(events) == []
    assert reported(lagging) == set()
    assert await trusted(lagging, account) == {CERTIFICATE_ID: False}
    assert state_of(lagging, STATUS) == "revoked"


async def lose_restoration(
    hass: HomeAssistant,
    faults: Faults,
    entry: MockConfigEntry,
    certificate_id: str = CERTIFICATE_ID,
) -> None:
    """Restore a certificate; Cloudflare does it, and its answer gets lost."""
    faults.unavailable("PATCH", "/client_certificates", after_write=True, times=1)
    with pytest.raises(HomeAssistantError):
        await act(hass, entry, "restore_certificate", certificate_id=certificate_id)
    await settle(hass)


@pytest.fixture(params=["reload", "restart"])
async def lost(
    request: pytest.FixtureRequest,
    hass: HomeAssistant,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    revoked: MockConfigEntry,
) -> AsyncIterator[tuple[HomeAssistant, MockConfigEntry]]:
    """Return a Home Assistant that lost the answer to a restoration right before it started."""
    freezer.tick(5)
    await lose_restoration(hass, faults, revoked)
    freezer.tick(5)
    if request.param == "reload":
        await hass.config_entries.async_reload(revoked.entry_id)
        await settle(hass)
        yield hass, revoked
    else:
        account = same_account(revoked)
        async with restarted(hass) as again:
            await setup_integration(again, account)
            yield again, account


async def test_device_is_removed_after_a_lost_restoration(
    sandbox: Sandbox,
    freezer: FrozenDateTimeFactory,
    lost: tuple[HomeAssistant, MockConfigEntry],
) -> None:
    """That it was revoked before is not believed: its certificate is valid."""
    hass, account = lost
    assert certificates(sandbox)[CERTIFICATE_ID] == "active"
    await remove_device(hass, account)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    await look_often(hass, freezer)
    assert reported(hass) == set()


async def test_refused_after_a_lost_restoration(
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    lost: tuple[HomeAssistant, MockConfigEntry],
) -> None:
    """The person is told that the certificate is valid, and it is revoked later."""
    hass, _ = lost
    faults.refuse("DELETE", "/client_certificates", 400, 1400, "No")
    with pytest.raises(HomeAssistantError) as raised:
        await press(hass, REVOKE)
    await settle(hass)
    assert raised.value.translation_key == "revocation_incomplete"
    assert reported(hass) == {"revocation_pending"}
    faults.clear()
    await look_often(hass, freezer)
    assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
    assert reported(hass) == set()


async def test_order_of_a_moment_before(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    revoked: MockConfigEntry,
) -> None:
    """A list that lags behind a refused order is not the end of it."""
    freezer.tick(300)
    faults.refuse("DELETE", "/client_certificates", 400, 1400, "No", times=1)
    with pytest.raises(HomeAssistantError):
        await press(hass, REVOKE)
    await settle(hass)
    account = same_account(revoked)
    async with restarted(hass) as again:
        freezer.tick(20)
        await setup_integration(again, account)
        list_as(sandbox, CertificateStatus.ACTIVE)
        await look_often(again, freezer)
        assert certificates(sandbox)[CERTIFICATE_ID] == "revoked"
        assert reported(again) == set()


@pytest.mark.parametrize("is_behind", [False, True], ids=["up to date", "behind"])
@pytest.mark.parametrize(
    "ahead", [timedelta(), -timedelta(hours=1)], ids=["right clock", "clock set back"]
)
async def test_everything_is_removed_after_a_lost_restoration(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    sandbox: Sandbox,
    faults: Faults,
    freezer: FrozenDateTimeFactory,
    home_clock: HomeClock,
    entry: MockConfigEntry,
    *,
    is_behind: bool,
    ahead: timedelta,
) -> None:
    """The certificate is among those that are shown and revoked, whatever the list and the clock say."""
    await setup_integration(hass, entry)
    created = await act(hass, entry, "mint_certificate", name="Tablet")
    key = created["certificate_id"]
    await act(hass, entry, "revoke_certificate", certificate_id=key)
    freezer.tick(5)
    await lose_restoration(hass, faults, entry, key)
    listed = zone_of(sandbox).certificates[key]
    assert listed.status == "active"
    if is_behind:
        listed.status = CertificateStatus.REVOKED
    account = same_account(entry)
    async with restarted(hass) as again:
        home_clock.set(ahead)
        await setup_integration(again, account)
        form = await open_options(again, account, "remove")
        sandbox.journal.clear()
        done = await answer(again, form, revoke=True)
        assert form["description_placeholders"]["certificates"] == "- `Tablet`"
        assert done["reason"] == "removed_and_revoked"
        assert was_revoked(sandbox, key)
        assert listed.status == "revoked"
