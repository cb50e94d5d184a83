"""Tests of certificates that were signed in another zone of the account: one authority signs them all."""

from datetime import timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from sandbox.state import Zone
from tests.common import (
    EDGE_EVERY,
    SECOND_LOOK,
    act,
    add_certificate,
    confirm_certificate,
    reported,
    settle,
    setup_integration,
    state_of,
    wait_for_refresh,
    zone_of,
)
from tests.faults import Faults

NEXT_EXPIRY = "sensor.home_lab_next_certificate_expiry"


@pytest.fixture
async def second(sandbox: Sandbox) -> Zone:
    """Return a second zone, in which somebody had a certificate signed."""
    zone = sandbox.state.add_zone("second.example")
    await add_certificate(sandbox, certificate_id="there", organization="Somebody")
    certificates = zone_of(sandbox).certificates
    zone.certificates["there"] = certificates.pop("there")
    return zone


async def test_certificate_of_another_zone_is_told(
    hass: HomeAssistant,
    sandbox: Sandbox,
    second: Zone,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It gets in, so it is unknown, and counts for the next expiry."""
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)

    assert reported(hass) == {"unknown_certificates"}
    expires = second.certificates["there"].certificate.not_valid_after_utc
    assert state_of(hass, NEXT_EXPIRY) == expires.isoformat()
    listed = await act(hass, entry, "list_certificates")
    assert [item["certificate_id"] for item in listed["certificates"]] == ["there"]
    await act(hass, entry, "revoke_certificate", certificate_id="there")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()


async def test_zone_that_is_added_later(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """It is found within six hours."""
    zone = sandbox.state.add_zone("second.example")
    await add_certificate(sandbox, certificate_id="there", organization="Somebody")
    zone.certificates["there"] = zone_of(sandbox).certificates.pop("there")
    await wait_for_refresh(hass, freezer, timedelta(hours=6))
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert reported(hass) == {"unknown_certificates"}


async def test_zone_of_another_account_is_not_asked(
    hass: HomeAssistant,
    sandbox: Sandbox,
    second: Zone,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Another account has another authority."""
    second.account_id = sandbox.state.add_account().id
    await setup_integration(hass, entry)
    await wait_for_refresh(hass, freezer, SECOND_LOOK)
    assert reported(hass) == set()
    assert not [path for _, path in faults.requests if second.id in path]


async def test_zones_that_cannot_be_listed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    second: Zone,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nothing else depends on the list."""
    faults.unavailable("GET", "^/zones$")
    await setup_integration(hass, entry)
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert state_of(hass, NEXT_EXPIRY) == "unknown"
    assert reported(hass) == set()


async def test_zone_whose_certificates_may_not_be_read(
    hass: HomeAssistant,
    sandbox: Sandbox,
    second: Zone,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """No permission is missing for what nobody set up."""
    faults.refuse("GET", f"{second.id}/client_certificates", 403, 10000, "No")
    await setup_integration(hass, entry)
    for _ in range(2):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert reported(hass) == set()


async def test_pins_do_not_change_with_every_look(
    hass: HomeAssistant,
    sandbox: Sandbox,
    second: Zone,
    faults: Faults,
    entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """What is trusted and nowhere to be seen is not pinned because of a zone that nobody uses."""
    faults.refuse("GET", f"{second.id}/client_certificates", 403, 10000, "No")
    await setup_integration(hass, entry)
    hass.config_entries.async_update_entry(entry, options={"pin_certificates": True})
    await confirm_certificate(
        hass, entry, second.certificates["there"].certificate, None
    )
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    sandbox.journal.clear()
    for _ in range(3):
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
    await act(hass, entry, "sync")
    assert sandbox.journal.writes == []
    assert reported(hass) == set()
