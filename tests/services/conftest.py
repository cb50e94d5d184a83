"""Fixtures of the tests of actions."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from sandbox import Sandbox
from tests.common import settle, setup_integration


@pytest.fixture
def settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a hostname that only the action syncs."""
    return {**settings, "keep_in_sync": False}


@pytest.fixture
async def two_zones(
    hass: HomeAssistant, sandbox: Sandbox, entry: MockConfigEntry
) -> MockConfigEntry:
    """Return an account that protects hostnames in two zones."""
    second = sandbox.state.add_zone("example.org")
    await setup_integration(hass, entry)
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_add_subentry(
        entry,
        type(subentry)(
            subentry_type="protected_hostname",
            title="ha.example.org",
            unique_id="ha.example.org",
            data={**subentry.data, "hostname": "ha.example.org", "zone_id": second.id},  # type: ignore[arg-type]
        ),
    )
    await settle(hass)
    return entry
