"""Tests of the conditions, as automations use them."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.core import HomeAssistant, ServiceCall
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.cloudflare_mtls.condition import CONDITIONS
from sandbox import Sandbox
from tests.coordinator.test_checks import CHECKS_EVERY, allow

from .automations import add_automation, listed
from .common import (
    COMPANION_ID,
    EDGE_EVERY,
    HOSTNAME_ID,
    add_known_certificate,
    companion,
    device_id_of,
    settle,
    wait_for_refresh,
    zone_of,
)


@pytest.fixture
def devices() -> list[Any]:
    """Return one companion device."""
    return [companion()]


@pytest.fixture
def runs(hass: HomeAssistant) -> list[ServiceCall]:
    """Return what the automations did."""
    return async_mock_service(hass, "test", "ran")


async def automate(hass: HomeAssistant, condition: str, **more: object) -> None:
    """Create an automation that a condition may stop."""
    config = {
        "triggers": {"trigger": "event", "event_type": "go"},
        "conditions": {"condition": f"cloudflare_mtls.{condition}", **more},
        "actions": {"action": "test.ran"},
    }
    await add_automation(hass, config)


async def passes(hass: HomeAssistant, runs: list[ServiceCall]) -> bool:
    """Return whether the condition lets the automation run now."""
    hass.bus.async_fire("go")
    await settle(hass)
    ran = bool(runs)
    runs.clear()
    return ran


async def test_home_assistant_lists_all(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """A person finds them under *Add condition*."""
    assert await listed(hass, hass_ws_client, "condition") == CONDITIONS.keys()


async def test_hostname_is_protected(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    runs: list[ServiceCall],
) -> None:
    """It does not pass while that is unknown."""
    device_id = device_id_of(hass, loaded_entry, HOSTNAME_ID)
    await automate(hass, "hostname_is_protected", target={"device_id": device_id})
    assert await passes(hass, runs)

    allow(("country", "AT"))(sandbox)
    await wait_for_refresh(hass, freezer, CHECKS_EVERY)
    assert not await passes(hass, runs)

    zone_of(sandbox).ip_access_rules.clear()
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert await passes(hass, runs)

    await hass.config_entries.async_unload(loaded_entry.entry_id)
    await settle(hass)
    assert not await passes(hass, runs)


@pytest.mark.parametrize(("days", "is_enough"), [(344, True), (345, False)])
async def test_certificate_is_valid_for(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    runs: list[ServiceCall],
    *,
    days: int,
    is_enough: bool,
) -> None:
    """Without a certificate it does not pass."""
    device_id = device_id_of(hass, loaded_entry, COMPANION_ID)
    await automate(
        hass,
        "certificate_is_valid_for",
        target={"device_id": device_id},
        options={"days": days},
    )
    assert not await passes(hass, runs)
    await add_known_certificate(hass, loaded_entry, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert await passes(hass, runs) is is_enough


async def test_number_of_days_is_missing(
    hass: HomeAssistant, loaded_entry: MockConfigEntry, runs: list[ServiceCall]
) -> None:
    """Home Assistant does not take such an automation for a working one."""
    device_id = device_id_of(hass, loaded_entry, COMPANION_ID)
    await automate(hass, "certificate_is_valid_for", target={"device_id": device_id})
    assert not await passes(hass, runs)
    assert not [
        state for state in hass.states.async_all(AUTOMATION) if state.state == "on"
    ]
