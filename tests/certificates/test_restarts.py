"""Tests of Home Assistant that is restarted while Cloudflare's lists lag behind what it just changed."""

from collections.abc import AsyncIterator
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox
from sandbox.state import CertificateStatus
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
from tests.restarts import restarted, same_account

from .creating import REVOKE, press
from .helpers import STATUS, told, trusted

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
