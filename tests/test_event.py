"""Tests of the events that tell what was fixed, and what happens to certificates."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from sandbox import Sandbox

from .common import (
    BLOCK_REF,
    EDGE_EVERY,
    HOSTNAME,
    HOSTNAME_ID,
    act,
    device_id_of,
    settle,
    state_of,
    wait_for_refresh,
    zone_of,
)
from .faults import Faults

FIXED = "event.home_mobile_example_com_fixed"
CERTIFICATE = "event.home_lab_certificate"


def disable_block(sandbox: Sandbox) -> None:
    """Switch our block rule off, as somebody in the dashboard would."""
    for rule in zone_of(sandbox).rules:
        rule.enabled = rule.ref != BLOCK_REF


async def test_what_was_fixed_is_told(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """An automation learns of each change that was put right, and of the hostname."""
    events = async_capture_events(hass, "cloudflare_mtls_fixed")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    before = state_of(hass, FIXED)
    assert events == []

    disable_block(sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)

    (event,) = events
    (step,) = event.data["steps"]
    assert event.data == {
        "config_entry_id": loaded_entry.entry_id,
        "device_id": device_id_of(hass, loaded_entry, HOSTNAME_ID),
        "hostname": HOSTNAME,
        "steps": [step],
    }
    assert (step["kind"], step["action"]) == ("block_rule", "update")
    state = hass.states.get(FIXED)
    assert state
    assert state.state != before
    assert state.attributes["event_type"] == "fixed"
    assert state.attributes["steps"] == event.data["steps"]


async def test_nothing_is_told_of_what_failed(
    hass: HomeAssistant,
    sandbox: Sandbox,
    faults: Faults,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A change that Cloudflare did not take was not fixed."""
    events = async_capture_events(hass, "cloudflare_mtls_fixed")
    disable_block(sandbox)
    faults.unavailable("PATCH", "/rules/")
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert events == []

    faults.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert [event.data["hostname"] for event in events] == [HOSTNAME]


class TestWithoutKeepingInSync:
    """Who wants to be asked first."""

    @pytest.fixture
    def settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return settings that fix nothing by themselves."""
        return {**settings, "keep_in_sync": False}

    async def test_nothing_is_fixed_and_nothing_told(
        self,
        hass: HomeAssistant,
        sandbox: Sandbox,
        loaded_entry: MockConfigEntry,
        freezer: FrozenDateTimeFactory,
    ) -> None:
        """Without consent nothing is written."""
        events = async_capture_events(hass, "cloudflare_mtls_fixed")
        sandbox.journal.clear()
        await wait_for_refresh(hass, freezer, EDGE_EVERY)
        assert events == []
        assert sandbox.journal.writes == []


async def test_what_happens_to_certificates_is_told(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """The account's event tells it too, and still does when the account is set up anew."""
    assert state_of(hass, CERTIFICATE) == "unknown"
    events = async_capture_events(hass, "cloudflare_mtls_certificate")

    minted = await act(hass, loaded_entry, "mint_certificate", name="Pixel 8")
    await settle(hass)

    (event,) = events
    told = {
        # The device is added once its certificate is signed.
        "device_id": None,
        "certificate_id": minted["certificate_id"],
        "name": "Pixel 8",
        "expires_on": minted["expires_on"],
    }
    assert event.data == {
        "type": "created",
        "config_entry_id": loaded_entry.entry_id,
        **told,
    }
    state = hass.states.get(CERTIFICATE)
    assert state
    assert state.attributes["event_type"] == "created"
    assert told.items() <= state.attributes.items()

    await act(
        hass,
        loaded_entry,
        "renew_certificate",
        certificate_id=minted["certificate_id"],
    )
    _, event = events
    assert event.data["type"] == "renewed"
    assert event.data["device_id"] == minted["device_id"]


async def test_certificates_of_another_account(
    hass: HomeAssistant, loaded_entry: MockConfigEntry
) -> None:
    """Each account tells of its own certificates alone."""
    hass.bus.async_fire(
        "cloudflare_mtls_certificate",
        {"type": "created", "config_entry_id": "another", "name": "Tablet"},
    )
    await settle(hass)

    assert state_of(hass, CERTIFICATE) == "unknown"
