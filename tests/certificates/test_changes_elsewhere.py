"""Tests of certificates that somebody creates, revokes or deletes outside of Home Assistant."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Event, HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import CertificateStatus
from tests.certificates.helpers import (
    EXPIRY,
    HANDOVER,
    PROBLEM,
    STATUS,
    pass_time,
    through_dialog,
    told,
)
from tests.common import EDGE_EVERY, settle, state_of, wait_for_refresh, zone_of
from tests.dialogs import CHOSEN, Client, add


async def test_revoked_in_the_dashboard(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    events: list[Event],
) -> None:
    """The entities show the revocation, and the event is fired."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    (certificate,) = zone_of(sandbox).certificates.values()
    told(events)

    certificate.status = CertificateStatus.PENDING_REVOCATION
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, STATUS) == "revoking"
    certificate.status = CertificateStatus.REVOKED
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert state_of(hass, STATUS) == "revoked"
    assert state_of(hass, PROBLEM) == "off"
    assert told(events) == ["revoked"]


async def test_gone_from_cloudflare(
    hass: HomeAssistant,
    sandbox: Sandbox,
    client: Client,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The entities show that the device has no certificate."""
    await through_dialog(hass, client, await add(hass, loaded_entry), CHOSEN)
    await settle(hass)
    zone_of(sandbox).certificates.clear()
    await pass_time(hass, freezer, timedelta(minutes=2))

    assert state_of(hass, STATUS) == "missing"
    assert state_of(hass, EXPIRY) == "unknown"
    assert state_of(hass, HANDOVER) == "unknown"
    assert state_of(hass, PROBLEM) == "on"
