"""Fixtures of the tests of certificates: a phone's browser, and the events that are fired."""

from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests.dialogs import Client


@pytest.fixture
async def client(
    hass: HomeAssistant,
    loaded_entry: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> Client:
    """Return the browser of a phone that is not logged in."""
    return await hass_client_no_auth()


@pytest.fixture
def events(hass: HomeAssistant) -> list[Event]:
    """Return the certificate events, as they are fired."""
    return async_capture_events(hass, "cloudflare_mtls_certificate")
