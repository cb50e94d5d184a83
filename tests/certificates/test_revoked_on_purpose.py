"""Tests of a device that was revoked on purpose: it is no problem, and nobody is asked to fix it."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from sandbox.clock import now
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    act,
    add_known_certificate,
    reported,
    setup_integration,
    state_of,
    wait_for_refresh,
    with_device,
    zone_of,
)
from tests.dialogs import fetch, link_of
from tests.test_button import press

from .helpers import DAY, PROBLEM, STATUS, pass_time

pytestmark = with_device

DAYS_LEFT = "sensor.pixel_8_days_left"
REVOKE = "button.pixel_8_revoke"


def assert_no_problem(hass: HomeAssistant) -> None:
    """Assert that the device is shown as revoked, and as nothing worse."""
    assert state_of(hass, STATUS) in ("revoking", "revoked")
    assert state_of(hass, PROBLEM) == "off"
    assert state_of(hass, DAYS_LEFT) == "unknown"
    assert reported(hass) == set()


async def test_button(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)

    await press(hass, REVOKE)

    assert_no_problem(hass)


@pytest.mark.parametrize("status", ["pending_revocation", "revoked"])
async def test_dashboard(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    status: Any,
) -> None:
    """Cloudflare revokes nothing by itself: somebody wanted it."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)

    zone_of(sandbox).certificates[CERTIFICATE_ID].status = status
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    assert_no_problem(hass)


async def test_certificate_that_was_about_to_expire(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Its reminder is closed, and none follows when it expires."""
    await add_known_certificate(
        hass, entry, sandbox, not_before=now() - timedelta(days=360), days=365
    )
    await setup_integration(hass, entry)
    assert state_of(hass, PROBLEM) == "on"
    assert reported(hass) == {"certificate_urgent"}

    await press(hass, REVOKE)
    assert_no_problem(hass)

    await pass_time(hass, freezer, 30 * DAY)
    assert_no_problem(hass)


async def test_certificate_that_replaced_one_that_has_expired(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
    freezer: FrozenDateTimeFactory,
) -> None:
    """The device is not asked to renew the older one, which it uses no longer."""
    await add_known_certificate(hass, entry, sandbox, days=60)
    await setup_integration(hass, entry)
    renewed = await act(hass, entry, "renew_certificate", certificate_id=CERTIFICATE_ID)
    await fetch(await hass_client_no_auth(), link_of(hass, renewed))
    await pass_time(hass, freezer, 60 * DAY)
    assert state_of(hass, STATUS) == "active"

    await act(
        hass, entry, "revoke_certificate", certificate_id=renewed["certificate_id"]
    )
    await pass_time(hass, freezer, timedelta(minutes=1))

    assert_no_problem(hass)


async def test_older_certificate_that_still_works(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """While one of them still lets the device in, that one is shown."""
    await add_known_certificate(hass, entry, sandbox)
    await setup_integration(hass, entry)
    renewed = await act(hass, entry, "renew_certificate", certificate_id=CERTIFICATE_ID)
    await fetch(await hass_client_no_auth(), link_of(hass, renewed))

    await act(
        hass, entry, "revoke_certificate", certificate_id=renewed["certificate_id"]
    )

    assert state_of(hass, STATUS) == "active"
    assert state_of(hass, DAYS_LEFT) != "unknown"


@pytest.mark.parametrize(
    ("passed", "left"), [(0, "364"), (10, "354"), (364, "0"), (400, "0")]
)
async def test_days_left(
    hass: HomeAssistant,
    sandbox: Sandbox,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    passed: int,
    left: str,
) -> None:
    """The number has a unit, so that a gauge can show it; after the expiry none is left."""
    await add_known_certificate(hass, entry, sandbox, not_before=now())
    await setup_integration(hass, entry)

    freezer.tick(passed * DAY)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    state = hass.states.get(DAYS_LEFT)
    assert state
    assert state.attributes["unit_of_measurement"] == "d"
    assert state.state == left


async def test_days_left_without_a_certificate(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> None:
    await setup_integration(hass, entry)

    assert state_of(hass, DAYS_LEFT) == "unknown"
