"""*Revoke* is pressed, and *Published* turned off, while the account is disabled."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import (
    CERTIFICATE_ID,
    EDGE_EVERY,
    add_known_certificate,
    companion,
    settle,
    turn,
    wait_for_refresh,
)
from tests.dialogs import certificates
from tests.test_switch import SWITCH, leads_here


@pytest.fixture
def devices() -> list[Any]:
    """Return a phone."""
    return [companion()]


async def test_orders_are_kept(
    hass: HomeAssistant,
    sandbox: Sandbox,
    loaded_entry: MockConfigEntry,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody hears them, and nothing fails: they hold once the account is enabled."""
    await add_known_certificate(hass, loaded_entry, sandbox)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    entry_id = loaded_entry.entry_id
    await hass.config_entries.async_set_disabled_by(entry_id, ConfigEntryDisabler.USER)
    await settle(hass)
    await hass.services.async_call(
        "button", "press", {"entity_id": "button.pixel_8_revoke"}, blocking=True
    )
    await turn(hass, SWITCH, "off")
    await settle(hass)
    is_said = "is revoked once its account is set up" in caplog.text
    await hass.config_entries.async_set_disabled_by(entry_id, None)
    await settle(hass)
    await wait_for_refresh(hass, freezer, EDGE_EVERY)
    assert is_said
    assert certificates(sandbox)[CERTIFICATE_ID] != "active"
    assert leads_here(sandbox) == (False, False)
