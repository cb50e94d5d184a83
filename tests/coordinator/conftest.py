"""Fixtures of the tests of the room coordinator/."""

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from sandbox import Sandbox
from tests.common import CHECKS_EVERY, issues
from tests.dialogs import Client


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    sandbox: Sandbox,
    hass_admin_user: MockUser,
    hass_client: ClientSessionGenerator,
) -> Client:
    """Return the browser of a person who opens the repairs of a home in sync, hours after the set-up."""
    assert issues(hass) == {}
    sandbox.journal.clear()
    assert await async_setup_component(hass, "repairs", {})
    session = await hass.auth.async_create_refresh_token(
        hass_admin_user,
        "https://example.org/app",
        access_token_expiration=2 * CHECKS_EVERY,
    )
    return await hass_client(hass.auth.async_create_access_token(session))
